import type { DemoShelf } from "./demoShop.ts"

export const living: ReadonlyArray<DemoShelf> = [
  {
    category: "kitchen",
    merchant: "hearth-and-home",
    options: { size: { small: 0, large: 60 } },
    aboutZh: "开锅说明随附，食品级材质，三年保用。",
    aboutEn: "With instructions for the first use; food-safe, guaranteed for three years.",
    stock: [20, 150],
    items: [
      [
        "iron-wok",
        "手工锻打铁锅",
        "Hand-forged iron wok",
        239,
        "三万六千锤，无涂层。",
        "Thirty-six thousand blows and no coating."
      ],
      ["clay-pot", "紫砂煲", "Clay soup pot", 159, "慢火出浓汤。", "Slow heat, deep broth."],
      [
        "bamboo-steamer",
        "竹蒸笼两层",
        "Two-tier bamboo steamer",
        89,
        "不滴水，蒸出竹香。",
        "Never drips, and lends a scent of bamboo."
      ],
      ["cleaver", "桑刀", "Slicing cleaver", 199, "薄而不脆，切肉如纸。", "Thin and tough, for paper-thin slices."],
      [
        "chopping-board",
        "乌檀木砧板",
        "Ebony chopping board",
        269,
        "整木不拼接，不掉渣。",
        "One piece of wood, nothing glued."
      ],
      [
        "gaiwan",
        "白瓷盖碗",
        "White porcelain gaiwan",
        79,
        "三才碗，不烫手。",
        "Lid, bowl and saucer: cool to the fingers."
      ],
      [
        "teapot-yixing",
        "宜兴紫砂壶",
        "Yixing teapot",
        399,
        "全手工，出水有力。",
        "Made by hand, pours in a clean arc."
      ],
      [
        "rice-cooker",
        "柴火饭电饭煲",
        "Rice cooker",
        459,
        "铁釜内胆，锅巴可选。",
        "An iron pot; a crust if you like it."
      ],
      ["noodle-machine", "家用压面机", "Noodle press", 189, "三种粗细，手摇省力。", "Three widths, easy to turn."],
      [
        "chopsticks-set",
        "鸡翅木筷子十双",
        "Wenge chopsticks, ten pairs",
        59,
        "无漆无蜡，可洗碗机。",
        "No lacquer, no wax, dishwasher safe."
      ]
    ]
  },
  {
    category: "bedding",
    merchant: "hearth-and-home",
    options: { size: { "150 × 200": 0, "200 × 230": 120 } },
    aboutZh: "新疆长绒棉，首次使用请清水洗涤。",
    aboutEn: "Long-staple cotton from Xinjiang; rinse before the first night.",
    stock: [10, 90],
    items: [
      [
        "sateen-set",
        "六十支贡缎四件套",
        "60-count sateen bed set",
        499,
        "光泽柔和，滑而不凉。",
        "A soft sheen, smooth but not cold."
      ],
      [
        "washed-cotton-set",
        "水洗棉四件套",
        "Washed cotton bed set",
        299,
        "自然褶皱，懒人免烫。",
        "Creased by nature, no ironing."
      ],
      ["silk-quilt", "桑蚕丝被", "Silk quilt", 899, "四斤长丝，贴身透气。", "Two kilos of long silk that breathes."],
      ["down-quilt", "白鹅绒被", "Goose down quilt", 1299, "九十五绒，轻若无物。", "95 % down, as good as weightless."],
      [
        "summer-quilt",
        "双层纱夏凉被",
        "Gauze summer quilt",
        169,
        "空调房刚好。",
        "Just right under the air conditioner."
      ],
      [
        "buckwheat-pillow",
        "荞麦枕",
        "Buckwheat pillow",
        79,
        "可调高低，沙沙助眠。",
        "As high as you fill it, with a sleepy rustle."
      ],
      [
        "latex-pillow",
        "天然乳胶枕",
        "Latex pillow",
        199,
        "护颈曲线，套可拆洗。",
        "Holds the neck; the cover comes off."
      ],
      ["wool-blanket", "澳毛盖毯", "Wool throw", 359, "沙发午睡必备。", "For naps on the sofa."]
    ]
  },
  {
    category: "skincare",
    merchant: "dew-skincare",
    options: { volume: { "50 ml": 0, "100 ml": 79 } },
    aboutZh: "无酒精无香精，敏感肌请先在耳后试用。",
    aboutEn: "No alcohol and no perfume; try it behind the ear first if your skin is sensitive.",
    stock: [40, 300],
    items: [
      [
        "camellia-oil",
        "山茶花护肤油",
        "Camellia face oil",
        139,
        "冷榨初油，三滴够全脸。",
        "First cold pressing; three drops will do."
      ],
      [
        "rice-toner",
        "米萃爽肤水",
        "Rice toner",
        89,
        "发酵米水，清爽不拔干。",
        "Fermented rice water, fresh but never drying."
      ],
      [
        "green-tea-serum",
        "绿茶精华",
        "Green tea serum",
        169,
        "抗氧维稳，晨间首选。",
        "Calms and protects, best in the morning."
      ],
      [
        "ginseng-cream",
        "人参面霜",
        "Ginseng cream",
        219,
        "质地厚润，换季修护。",
        "Rich and kind when the season turns."
      ],
      [
        "centella-gel",
        "积雪草凝胶",
        "Centella gel",
        99,
        "晒后、刮胡后，清凉退红。",
        "Cools the red after sun or shave."
      ],
      [
        "amino-cleanser",
        "氨基酸洁面乳",
        "Amino acid cleanser",
        69,
        "绵密泡，洗后不紧。",
        "A dense foam that leaves no tightness."
      ],
      [
        "sunscreen-50",
        "清透防晒乳 SPF50",
        "Sheer sunscreen SPF 50",
        109,
        "不泛白，可当妆前。",
        "Leaves no white cast; sits well under make-up."
      ],
      [
        "hand-cream-osmanthus",
        "桂花护手霜",
        "Osmanthus hand cream",
        39,
        "吸收快，键盘不留印。",
        "Sinks in fast; no prints on the keyboard."
      ],
      ["pearl-mask", "珍珠泥膜", "Pearl clay mask", 129, "周用一次，提亮不紧绷。", "Once a week, for a clear look."],
      ["lip-balm-honey", "蜂蜜润唇膏", "Honey lip balm", 35, "食品级蜂蜡。", "With food-grade beeswax."]
    ]
  },
  {
    category: "lighting",
    merchant: "hearth-and-home",
    options: { light: { warm: 0, neutral: 0 } },
    aboutZh: "护眼无频闪，灯泡可换，两年保用。",
    aboutEn: "Without flicker, with a bulb you can replace; guaranteed for two years.",
    stock: [15, 100],
    items: [
      [
        "paper-lamp",
        "和纸落地灯",
        "Paper floor lamp",
        269,
        "竹骨纸罩，光如月色。",
        "Paper over bamboo, light like the moon."
      ],
      ["desk-lamp", "阅读台灯", "Reading lamp", 199, "亮度随环境自动调节。", "Follows the light of the room."],
      [
        "night-light",
        "感应小夜灯",
        "Motion night light",
        39,
        "起夜不刺眼，充电一次用两月。",
        "Gentle at night, two months on a charge."
      ],
      ["pendant-bamboo", "竹编吊灯", "Woven bamboo pendant", 229, "安吉老匠人手编。", "Woven by hand in Anji."],
      [
        "bedside-lamp",
        "陶瓷床头灯",
        "Ceramic bedside lamp",
        169,
        "柴窑素胎，无极调光。",
        "Unglazed clay that dims as far as you like."
      ],
      [
        "string-lights",
        "露台串灯",
        "Terrace string lights",
        89,
        "防水十米，二十盏。",
        "Ten metres, twenty bulbs, rain is fine."
      ],
      ["clip-lamp", "夹式床头灯", "Clip-on lamp", 69, "软管随意弯，宿舍必备。", "Bends where you need it."],
      [
        "projector-star",
        "星空投影灯",
        "Starlight projector",
        149,
        "真实星图，定时关灯。",
        "The real sky on your ceiling, with a timer."
      ]
    ]
  }
]
