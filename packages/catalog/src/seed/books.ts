import type { DemoShelf } from "./demoShop.ts"

export const books: ReadonlyArray<DemoShelf> = [
  {
    category: "fiction",
    merchant: "paper-lantern",
    options: { binding: { paperback: 0, hardcover: 30 } },
    aboutZh: "正版现货，气泡膜加纸箱，破损包换。",
    aboutEn: "In stock and wrapped with care; damaged copies are replaced.",
    stock: [20, 200],
    items: [
      [
        "red-chamber",
        "红楼梦（全两册）",
        "Dream of the Red Chamber, two volumes",
        88,
        "程乙本校注，附人物关系表。",
        "Annotated, with a table of who is who."
      ],
      [
        "journey-west",
        "西游记",
        "Journey to the West",
        69,
        "原著无删节，绣像插图。",
        "Unabridged, with the old woodcuts."
      ],
      [
        "water-margin",
        "水浒传",
        "Water Margin",
        66,
        "百二十回本，江湖气十足。",
        "All 120 chapters of outlaws and oaths."
      ],
      [
        "three-kingdoms",
        "三国演义",
        "Romance of the Three Kingdoms",
        68,
        "附战役地图十二幅。",
        "With twelve maps of the campaigns."
      ],
      [
        "strange-tales",
        "聊斋志异选",
        "Strange Tales from a Chinese Studio",
        49,
        "一百篇狐鬼故事，白话对照。",
        "A hundred tales of foxes and ghosts, with a modern version."
      ],
      ["true-story-ah-q", "呐喊", "Call to Arms", 32, "鲁迅第一部小说集。", "Lu Xun's first collection of stories."],
      [
        "border-town",
        "边城",
        "Border Town",
        29,
        "湘西渡口，一老一小一条黄狗。",
        "A ferry, an old man, a girl and a yellow dog."
      ],
      ["rickshaw-boy", "骆驼祥子", "Rickshaw Boy", 35, "老北京的车轮与命运。", "Wheels and fate in old Beijing."],
      ["fortress-besieged", "围城", "Fortress Besieged", 39, "城里的人想出去。", "Those inside want to get out."],
      [
        "lighthouse-keepers",
        "守塔人",
        "The Lighthouse Keepers",
        46,
        "海岛二十年，两代人的灯。",
        "Twenty years on an island, one light, two generations."
      ]
    ]
  },
  {
    category: "nonfiction",
    merchant: "paper-lantern",
    options: { binding: { paperback: 0, hardcover: 40 } },
    aboutZh: "正版现货，可开发票，团购请联系客服。",
    aboutEn: "In stock, invoices on request, ask us about many copies.",
    stock: [15, 160],
    items: [
      ["analects", "论语译注", "The Analects, annotated", 36, "逐句白话，不掉书袋。", "Line by line in plain words."],
      [
        "art-of-war",
        "孙子兵法",
        "The Art of War",
        28,
        "十三篇全，配历代战例。",
        "All thirteen chapters, with battles to match."
      ],
      ["history-of-paper", "纸的历史", "A History of Paper", 58, "从蔡伦到印刷机。", "From Cai Lun to the press."],
      [
        "city-of-bridges",
        "桥上的城市",
        "City of Bridges",
        62,
        "一位工程师看中国三千座桥。",
        "An engineer among three thousand Chinese bridges."
      ],
      [
        "tea-horse-road",
        "茶马古道行记",
        "Walking the Tea Horse Road",
        55,
        "五个月，两千公里，一匹骡子。",
        "Five months, two thousand kilometres, one mule."
      ],
      [
        "ledger-and-abacus",
        "账本与算盘",
        "Ledger and Abacus",
        72,
        "复式记账如何走到今天。",
        "How double entry came to where it is."
      ],
      [
        "small-shop-big-world",
        "小店大世界",
        "Small Shop, Wide World",
        48,
        "街角小店的生意经。",
        "How the corner shop really earns its keep."
      ],
      [
        "night-sky-china",
        "中国夜空",
        "The Night Sky from China",
        79,
        "二十八宿观星手册。",
        "A field guide to the twenty-eight mansions."
      ]
    ]
  },
  {
    category: "childrens-books",
    merchant: "paper-lantern",
    options: {},
    aboutZh: "环保油墨，圆角装订，三岁起读。",
    aboutEn: "Safe inks and round corners, from three years on.",
    stock: [30, 240],
    items: [
      [
        "moon-rabbit",
        "月亮上的小兔子",
        "The Rabbit on the Moon",
        42,
        "中秋节的睡前故事。",
        "A bedtime story for the Mid-Autumn night."
      ],
      [
        "little-tadpoles",
        "小蝌蚪找妈妈",
        "Little Tadpoles Look for Mama",
        26,
        "水墨立体书。",
        "A pop-up book in ink and water."
      ],
      [
        "dragon-pearl",
        "龙珠的秘密",
        "The Secret of the Dragon Pearl",
        38,
        "跟着河神去旅行。",
        "A journey with the god of the river."
      ],
      [
        "count-to-ten-dumplings",
        "数到十个饺子",
        "Ten Dumplings",
        32,
        "边数边吃，学会加法。",
        "Counting and eating: sums to share."
      ],
      [
        "sleepy-panda",
        "爱睡觉的熊猫",
        "The Sleepy Panda",
        36,
        "翻翻书，找到藏起来的竹子。",
        "Lift the flaps to find the bamboo."
      ],
      [
        "train-to-grandma",
        "去外婆家的火车",
        "The Train to Grandma's",
        45,
        "一路看过四季。",
        "All four seasons pass the window."
      ],
      [
        "brush-first-strokes",
        "第一笔",
        "First Strokes",
        58,
        "附毛笔与水写布。",
        "With a brush and a cloth to write on with water."
      ],
      [
        "idiom-stories",
        "成语故事一百则",
        "A Hundred Idioms and Their Stories",
        68,
        "每则一幅画。",
        "One picture for each."
      ]
    ]
  }
]
