/** Files that were announced and may still be fetched. */
const mostFiles = 16

/** Files by a token, of which the oldest is forgotten as new ones come. */
export const makeFiles = <A>() => {
  const files = new Map<string, A>()
  return {
    put: (token: string, file: A) => {
      files.set(token, file)
      const [oldest] = files.keys()
      if (files.size > mostFiles && oldest !== undefined) files.delete(oldest)
    },
    get: (token: string) => files.get(token)
  }
}
