/** A seller of the demo shop. */
export interface DemoMerchant {
  readonly code: string
  readonly zh: string
  readonly en: string
}

/** A category of the demo shop; its parent comes before it. */
export interface DemoCategory extends DemoMerchant {
  readonly parent: string | null
}

/** The choices of an option, each with what it adds to the price, in yuan. */
export type DemoChoices = Readonly<Record<string, number>>

/** One product: its code, titles, price in yuan, and what is particular about it. */
export type DemoItem = readonly [code: string, zh: string, en: string, yuan: number, noteZh: string, noteEn: string]

/** Products that are sold alike: the same seller, category and options, and the same last sentences of the description. */
export interface DemoShelf {
  readonly category: string
  readonly merchant: string
  readonly options: Readonly<Record<string, DemoChoices>>
  readonly aboutZh: string
  readonly aboutEn: string
  /** Pieces on hand of a SKU lie between these. */
  readonly stock: readonly [least: number, most: number]
  readonly items: ReadonlyArray<DemoItem>
}

/** The shop whose staff the demo merchant account is. */
export const demoMerchantCode = "harbour-digital"

export const demoMerchants: ReadonlyArray<DemoMerchant> = [
  { code: demoMerchantCode, zh: "港湾数码", en: "Harbour Digital" },
  { code: "mountain-pantry", zh: "山里食铺", en: "Mountain Pantry" },
  { code: "cotton-cloud", zh: "棉云服饰", en: "Cotton Cloud" },
  { code: "paper-lantern", zh: "纸灯笼书店", en: "Paper Lantern Books" },
  { code: "hearth-and-home", zh: "灶间家居", en: "Hearth & Home" },
  { code: "dew-skincare", zh: "朝露护肤", en: "Morning Dew Skincare" },
  { code: "little-paws", zh: "小爪玩具宠物", en: "Little Paws" },
  { code: "green-trail", zh: "青径户外", en: "Green Trail Outdoors" },
  { code: "courtyard-stays", zh: "小院民宿", en: "Courtyard Stays" }
]

export const demoCategories: ReadonlyArray<DemoCategory> = [
  { code: "electronics", parent: null, zh: "数码", en: "Electronics" },
  { code: "smartphones", parent: "electronics", zh: "手机", en: "Smartphones" },
  { code: "laptops", parent: "electronics", zh: "笔记本电脑", en: "Laptops" },
  { code: "audio", parent: "electronics", zh: "耳机音响", en: "Headphones and speakers" },
  { code: "accessories", parent: "electronics", zh: "数码配件", en: "Accessories" },
  { code: "food", parent: null, zh: "食品", en: "Food and drink" },
  { code: "tea", parent: "food", zh: "茶叶", en: "Tea" },
  { code: "green-tea", parent: "tea", zh: "绿茶", en: "Green tea" },
  { code: "dark-tea", parent: "tea", zh: "红茶与黑茶", en: "Black and dark tea" },
  { code: "noodles", parent: "food", zh: "面条米粉", en: "Noodles" },
  { code: "snacks", parent: "food", zh: "零食", en: "Snacks" },
  { code: "coffee", parent: "food", zh: "咖啡", en: "Coffee" },
  { code: "clothing", parent: null, zh: "服饰", en: "Clothing" },
  { code: "womens-clothing", parent: "clothing", zh: "女装", en: "Women" },
  { code: "mens-clothing", parent: "clothing", zh: "男装", en: "Men" },
  { code: "shoes", parent: "clothing", zh: "鞋", en: "Shoes" },
  { code: "books", parent: null, zh: "图书", en: "Books" },
  { code: "fiction", parent: "books", zh: "小说", en: "Fiction" },
  { code: "nonfiction", parent: "books", zh: "人文社科", en: "Non-fiction" },
  { code: "childrens-books", parent: "books", zh: "童书", en: "Children's books" },
  { code: "home", parent: null, zh: "家居", en: "Home" },
  { code: "kitchen", parent: "home", zh: "厨具", en: "Kitchen" },
  { code: "bedding", parent: "home", zh: "床品", en: "Bedding" },
  { code: "lighting", parent: "home", zh: "灯具", en: "Lighting" },
  { code: "skincare", parent: null, zh: "护肤", en: "Skincare" },
  { code: "toys", parent: null, zh: "玩具", en: "Toys" },
  { code: "pets", parent: null, zh: "宠物用品", en: "Pets" },
  { code: "sports", parent: null, zh: "运动户外", en: "Sports and outdoors" },
  { code: "homestays", parent: null, zh: "民宿", en: "Homestays" }
]
