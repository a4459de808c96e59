/** The path with `params` in the place of its parameters. */
export const fill = (path: string, params: Readonly<Record<string, string>> = {}) =>
  path.replaceAll(/:(\w+)/g, (whole, name: string) => params[name] ?? whole)

/** The query string of `query`, whose values are encoded already. */
export const queryOf = (query: Readonly<Record<string, string>> = {}) => {
  const pairs = Object.entries(query).map(([name, value]) => `${name}=${value}`)
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`
}
