declare const brand: unique symbol

/** A string that has passed the check of its grammar: only the guards of this package make one. */
export type Branded<Name extends string> = string & { readonly [brand]: Name }
