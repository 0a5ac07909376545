/** A host is not connected to because of where it is: it has no public address, or only ones that are not allowed. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused'
}
