/** A UUID without its dashes: the same number in 32 characters, for channels that allow no more. */
export const toHexId = (uuid: string) => uuid.replaceAll("-", "")

/** The UUID of 32 hexadecimal digits; anything else comes back as it is, and fails the check of the id it should be. */
export const fromHexId = (hex: string) =>
  hex.replace(/^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/, "$1-$2-$3-$4-$5")
