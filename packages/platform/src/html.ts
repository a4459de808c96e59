const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;"
}

/** Text as HTML shows it, in elements and in quoted attributes. */
const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (character) => entities[character] ?? "")

/** Markup that is written into other markup as it stands. */
export interface Markup {
  readonly markup: string
}

type Part = string | number | Markup | ReadonlyArray<Markup>

const render = (part: Part): string => {
  if (typeof part === "string") return escapeHtml(part)
  if (typeof part === "number") return String(part)
  return "markup" in part ? part.markup : part.map(({ markup }) => markup).join("")
}

/** Markup from a template: what is put in is escaped, except other markup. */
export const html = (strings: TemplateStringsArray, ...parts: ReadonlyArray<Part>): Markup => ({
  markup: strings.map((text, index) => text + (index < parts.length ? render(parts[index] ?? "") : "")).join("")
})

/** Markup made elsewhere, such as an SVG image. */
export const trusted = (markup: string): Markup => ({ markup })
