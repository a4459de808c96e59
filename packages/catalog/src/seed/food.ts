import type { DemoShelf } from "./demoShop.ts"

export const food: ReadonlyArray<DemoShelf> = [
  {
    category: "green-tea",
    merchant: "mountain-pantry",
    options: { weight: { "100 g": 0, "250 g": 130 } },
    aboutZh: "当季新茶，铝箔密封，冷藏可存一年。",
    aboutEn: "This season's leaves, sealed in foil; keeps for a year in the cold.",
    stock: [40, 200],
    items: [
      [
        "longjing",
        "狮峰龙井 明前",
        "Shifeng Longjing, before Qingming",
        168,
        "豆香清冽，入口回甘。",
        "A clear scent of young beans and a sweet finish."
      ],
      [
        "biluochun",
        "洞庭碧螺春",
        "Dongting Biluochun",
        158,
        "茶树间种果木，自带花果香。",
        "Grown among fruit trees, and it tastes of them."
      ],
      [
        "maofeng",
        "黄山毛峰",
        "Huangshan Maofeng",
        128,
        "芽叶披毫，兰香幽远。",
        "Downy buds with a distant scent of orchids."
      ],
      ["maojian", "信阳毛尖", "Xinyang Maojian", 118, "汤色明亮，滋味鲜爽。", "A bright cup, brisk and fresh."],
      [
        "guapian",
        "六安瓜片",
        "Lu'an Guapian",
        108,
        "不采芽只取叶，耐泡。",
        "Leaves only, no buds: good for many infusions."
      ],
      [
        "anji-white",
        "安吉白茶",
        "Anji white-leaf tea",
        148,
        "叶白脉绿，鲜甜如笋汤。",
        "Pale leaves, sweet as bamboo-shoot broth."
      ],
      [
        "jasmine-pearls",
        "茉莉龙珠",
        "Jasmine pearls",
        98,
        "七窨一提，花香入骨。",
        "Scented seven times with fresh blossoms."
      ],
      [
        "taiping-houkui",
        "太平猴魁",
        "Taiping Houkui",
        198,
        "两叶抱一芽，扁展如剑。",
        "Two leaves around one bud, flat as a sword."
      ]
    ]
  },
  {
    category: "dark-tea",
    merchant: "mountain-pantry",
    options: { packing: { "gift tin": 40, "paper bag": 0 } },
    aboutZh: "避光干燥存放，越陈越醇。",
    aboutEn: "Keep it dark and dry; the years make it mellow.",
    stock: [30, 180],
    items: [
      ["keemun", "祁门红茶", "Keemun black tea", 88, "蜜糖香里一点玫瑰。", "Honey, with a touch of rose."],
      [
        "lapsang",
        "正山小种",
        "Lapsang Souchong",
        96,
        "松烟慢熏，桂圆汤味。",
        "Slowly smoked over pine, with a taste of longan."
      ],
      [
        "dianhong",
        "凤庆滇红金芽",
        "Fengqing Dianhong golden buds",
        118,
        "金毫满披，加奶也好喝。",
        "All golden buds, and it takes milk well."
      ],
      [
        "shou-puer-cake",
        "勐海熟普洱茶饼",
        "Menghai ripe Pu'er cake",
        138,
        "三年仓储，汤如红酒。",
        "Three years in store, dark as wine."
      ],
      [
        "sheng-puer-cake",
        "易武古树生普茶饼",
        "Yiwu old-tree raw Pu'er cake",
        268,
        "山野气足，宜藏宜饮。",
        "Wild and deep: drink it now or put it away."
      ],
      [
        "liubao",
        "梧州六堡茶",
        "Wuzhou Liubao tea",
        79,
        "槟榔香，祛湿暖胃。",
        "Betel-nut aroma that warms on damp days."
      ],
      [
        "tieguanyin",
        "安溪铁观音 浓香",
        "Anxi Tieguanyin, roasted",
        128,
        "炭火慢焙，观音韵长。",
        "Slowly roasted over charcoal, with a long finish."
      ],
      [
        "dahongpao",
        "武夷大红袍",
        "Wuyi Da Hong Pao",
        188,
        "岩骨花香，七泡有余味。",
        "Stone and flowers, seven infusions long."
      ]
    ]
  },
  {
    category: "noodles",
    merchant: "mountain-pantry",
    options: { pack: { "4 servings": 0, "12 servings": 42 } },
    aboutZh: "非油炸，十分钟上桌，保质期九个月。",
    aboutEn: "Never fried, on the table in ten minutes; keeps for nine months.",
    stock: [60, 400],
    items: [
      [
        "lanzhou-beef",
        "兰州牛肉拉面",
        "Lanzhou beef noodles",
        32.8,
        "一清二白三红四绿，汤料真牛骨熬。",
        "Clear broth from real beef bones, with chilli and coriander."
      ],
      [
        "chongqing-xiaomian",
        "重庆小面",
        "Chongqing spicy noodles",
        26.8,
        "麻辣鲜香，花椒自己磨。",
        "Hot and numbing, with pepper ground in house."
      ],
      [
        "dandan",
        "宜宾担担面",
        "Yibin dandan noodles",
        28.8,
        "芽菜肉臊，芝麻酱底。",
        "Preserved greens and pork over sesame paste."
      ],
      [
        "reganmian",
        "武汉热干面",
        "Wuhan hot dry noodles",
        24.8,
        "碱水面弹牙，酱香挂满。",
        "Springy alkaline noodles in thick sesame sauce."
      ],
      [
        "luosifen",
        "柳州螺蛳粉",
        "Liuzhou river-snail rice noodles",
        36.8,
        "酸笋自己腌，闻着臭吃着香。",
        "House-pickled bamboo shoots: it smells bold and tastes better."
      ],
      [
        "guilin-mifen",
        "桂林米粉",
        "Guilin rice noodles",
        29.8,
        "卤水十八味，配酸豆角花生。",
        "An eighteen-spice brine, with beans and peanuts."
      ],
      [
        "crossing-bridge",
        "云南过桥米线",
        "Yunnan crossing-the-bridge noodles",
        39.8,
        "鸡汤滚烫，配菜八样。",
        "Scalding chicken broth and eight toppings."
      ],
      [
        "biangbiang",
        "陕西油泼裤带面",
        "Shaanxi biangbiang noodles",
        27.8,
        "面宽如腰带，热油一泼。",
        "Noodles as wide as belts, finished with hot oil."
      ],
      [
        "knife-cut",
        "山西刀削面",
        "Shanxi knife-cut noodles",
        25.8,
        "中厚边薄，醋香扑鼻。",
        "Thick in the middle, thin at the edge, with aged vinegar."
      ],
      [
        "shrimp-roe",
        "广东虾子面",
        "Cantonese shrimp-roe noodles",
        45.8,
        "虾子打进面里，清汤即鲜。",
        "Roe kneaded into the dough: plain broth is enough."
      ]
    ]
  },
  {
    category: "snacks",
    merchant: "mountain-pantry",
    options: { flavour: { original: 0, spicy: 0 } },
    aboutZh: "独立小包装，不添加防腐剂，开袋即食。",
    aboutEn: "Packed in small portions without preservatives, ready to eat.",
    stock: [100, 600],
    items: [
      [
        "walnut-dates",
        "核桃夹心红枣",
        "Walnut-stuffed dates",
        29.9,
        "新疆灰枣，临安核桃。",
        "Dates from Xinjiang, walnuts from Lin'an."
      ],
      [
        "beef-jerky",
        "内蒙古风干牛肉",
        "Inner Mongolian beef jerky",
        69.9,
        "三斤鲜肉一斤干。",
        "Three kilos of fresh beef for each one dried."
      ],
      [
        "crispy-seaweed",
        "夹心海苔脆",
        "Crispy sesame seaweed",
        19.9,
        "芝麻夹心，一咬就碎。",
        "Sesame between two sheets, shatters at a bite."
      ],
      ["haw-flakes", "山楂卷", "Hawthorn rolls", 15.9, "配料只有山楂和糖。", "Hawthorn and sugar, nothing else."],
      [
        "rice-crackers",
        "锅巴",
        "Scorched-rice crackers",
        18.9,
        "柴火锅底的香。",
        "The scent of the bottom of the pot."
      ],
      ["pistachios", "原味开心果", "Pistachios", 59.9, "自然开口，不漂白。", "Opened by nature, never bleached."],
      [
        "osmanthus-cake",
        "桂花糕",
        "Osmanthus cake",
        22.9,
        "糯而不粘，桂花现摘。",
        "Soft but never sticky, with fresh blossoms."
      ],
      ["lotus-chips", "藕片脆", "Lotus-root chips", 21.9, "低温脱水，薄如纸。", "Dried gently, thin as paper."]
    ]
  },
  {
    category: "coffee",
    merchant: "mountain-pantry",
    options: { grind: { beans: 0, "pour-over": 0, espresso: 0 } },
    aboutZh: "下单后烘焙，七天内赏味最佳。",
    aboutEn: "Roasted when you order, best within a week.",
    stock: [20, 120],
    items: [
      [
        "yunnan-catimor",
        "云南普洱 水洗咖啡",
        "Yunnan Pu'er washed coffee",
        68,
        "坚果与红糖，干净顺口。",
        "Nuts and brown sugar, clean and easy."
      ],
      [
        "baoshan-honey",
        "云南保山 蜜处理咖啡",
        "Yunnan Baoshan honey coffee",
        88,
        "蜜桃甜感，余韵长。",
        "The sweetness of peaches, and it lingers."
      ],
      [
        "nujiang-natural",
        "怒江河谷 日晒咖啡",
        "Nujiang valley natural coffee",
        98,
        "酒香浓郁，冷萃出彩。",
        "Winey and full, splendid when brewed cold."
      ],
      [
        "house-blend",
        "山里 日常拼配",
        "Mountain house blend",
        58,
        "不酸不苦，加奶正好。",
        "Neither sour nor bitter, made for milk."
      ],
      ["decaf-yunnan", "云南 低因咖啡", "Yunnan decaf", 78, "晚上也能喝一杯。", "A cup for the evening."],
      [
        "hainan-robusta",
        "海南 福山咖啡",
        "Hainan Fushan robusta",
        49.9,
        "炭烧老味道，配炼乳。",
        "The old charcoal roast, with condensed milk."
      ]
    ]
  }
]
