/**
 * The names in a dotted path, in which `\.` and `\\` stand for a dot and a backslash within a name.
 * {@link https://spec.matrix.org/v1.19/appendices/#dot-separated-property-paths}
 */
export function parsePropertyPath(path: string): readonly string[] {
  const names: string[] = []
  let name = ''
  for (let at = 0; at < path.length; at++) {
    const [sign, next] = [path[at]!, path[at + 1]]
    if (sign === '.') {
      names.push(name)
      name = ''
    } else if (sign === '\\' && (next === '.' || next === '\\')) {
      name += next
      at++
    } else {
      name += sign
    }
  }
  return [...names, name]
}
