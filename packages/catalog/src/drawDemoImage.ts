import { Hash } from "effect"

const pictures: Readonly<Record<string, string>> = {
  smartphones: "📱",
  laptops: "💻",
  audio: "🎧",
  accessories: "🔌",
  "green-tea": "🍵",
  "dark-tea": "🫖",
  noodles: "🍜",
  snacks: "🥜",
  coffee: "☕",
  "womens-clothing": "👗",
  "mens-clothing": "👔",
  shoes: "👟",
  fiction: "📖",
  nonfiction: "📚",
  "childrens-books": "🐰",
  kitchen: "🍳",
  bedding: "🛏️",
  lighting: "💡",
  skincare: "🧴",
  toys: "🧩",
  pets: "🐾",
  sports: "⛺",
  homestays: "🏡"
}

/**
 * A picture for `<category>.<product>.svg`, the same every time: the category's emblem on a ground whose colours follow from
 * the name. `name` consists of a–z, 0–9, hyphens and dots, so that it is text and never markup.
 */
export const drawDemoImage = (name: string) => {
  const [category = "", product = ""] = name.split(".")
  const hue = (Hash.string(product.replace(/-detail$/, "")) >>> 0) % 360
  const isDetail = product.endsWith("-detail")
  const words = product.replace(/-detail$/, "").replaceAll("-", " ")
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 800" role="img" aria-label="${words}">
<defs><linearGradient id="g" x1="0" y1="0" x2="1" y2="1">
<stop offset="0" stop-color="hsl(${hue} 55% ${isDetail ? 90 : 82}%)"/>
<stop offset="1" stop-color="hsl(${(hue + 40) % 360} 50% ${isDetail ? 74 : 64}%)"/>
</linearGradient></defs>
<rect width="800" height="800" fill="url(#g)"/>
<circle cx="400" cy="360" r="${isDetail ? 330 : 250}" fill="#fff" fill-opacity=".55"/>
<text x="400" y="370" font-size="${isDetail ? 400 : 260}" text-anchor="middle" dominant-baseline="central">${pictures[category] ?? "🛍️"}</text>
<text x="400" y="735" font-size="44" font-family="sans-serif" fill="hsl(${hue} 45% 22%)" text-anchor="middle">${words}</text>
</svg>
`
}
