import type { DemoShelf } from "./demoShop.ts"

export const leisure: ReadonlyArray<DemoShelf> = [
  {
    category: "toys",
    merchant: "little-paws",
    options: {},
    aboutZh: "通过国家强制认证，三岁以下请在大人陪同下使用。",
    aboutEn: "Certified safe; under three years only with a grown-up.",
    stock: [30, 220],
    items: [
      [
        "luban-lock",
        "鲁班锁九件套",
        "Luban locks, set of nine",
        88,
        "榫卯益智，由易到难。",
        "Wooden puzzles, from easy to infuriating."
      ],
      [
        "tangram-magnetic",
        "磁性七巧板",
        "Magnetic tangram",
        39,
        "附三百关题册。",
        "With a book of three hundred shapes."
      ],
      ["panda-plush", "趴趴熊猫毛绒", "Plush panda", 79, "可机洗，抱着睡。", "Washable, made for sleeping with."],
      [
        "wooden-train",
        "木质轨道小火车",
        "Wooden railway",
        199,
        "八十件，兼容常见轨道。",
        "Eighty pieces that fit other tracks."
      ],
      [
        "kite-swallow",
        "潍坊沙燕风筝",
        "Weifang swallow kite",
        69,
        "竹骨手绘，微风能起。",
        "Painted by hand; flies in a breeze."
      ],
      [
        "building-blocks",
        "大颗粒积木桶",
        "Tub of large blocks",
        129,
        "二百粒，附收纳桶。",
        "Two hundred bricks and their tub."
      ],
      [
        "xiangqi-set",
        "实木象棋",
        "Wooden xiangqi set",
        109,
        "折叠棋盘，落子声脆。",
        "A folding board and a crisp sound."
      ],
      [
        "go-set",
        "围棋双面棋盘套装",
        "Go set with a two-sided board",
        149,
        "九路与十九路两面用。",
        "Nine lines on one side, nineteen on the other."
      ],
      [
        "science-kit",
        "小小科学家实验盒",
        "Little scientist's kit",
        159,
        "五十个实验，材料全配。",
        "Fifty experiments with everything in the box."
      ],
      [
        "shadow-puppets",
        "皮影戏套装",
        "Shadow puppet theatre",
        119,
        "含幕布灯光与三出戏本。",
        "A screen, a light and three plays."
      ]
    ]
  },
  {
    category: "pets",
    merchant: "little-paws",
    options: { size: { small: 0, large: 40 } },
    aboutZh: "兽医参与设计，不合身可换。",
    aboutEn: "Designed with vets; exchanged if it does not fit.",
    stock: [25, 180],
    items: [
      ["cat-tree", "实木猫爬架", "Wooden cat tree", 299, "剑麻柱可替换。", "The sisal posts can be replaced."],
      ["cat-litter", "豆腐猫砂", "Tofu cat litter", 39.9, "可冲厕所，低尘。", "Flushable, with little dust."],
      [
        "dog-harness",
        "防爆冲胸背",
        "No-pull dog harness",
        79,
        "四点可调，夜间反光。",
        "Adjusts at four points and shines at night."
      ],
      ["dog-bed", "记忆棉狗窝", "Memory-foam dog bed", 189, "老年犬关节友好。", "Kind to old joints."],
      [
        "pet-fountain",
        "静音宠物饮水机",
        "Quiet pet fountain",
        129,
        "四重过滤，缺水断电。",
        "Four filters; stops when it runs dry."
      ],
      [
        "freeze-dried-chicken",
        "冻干鸡肉粒",
        "Freeze-dried chicken",
        49.9,
        "单一原料，训练奖励。",
        "One ingredient, for training."
      ],
      [
        "cat-teaser",
        "羽毛逗猫棒",
        "Feather teaser",
        19.9,
        "三节可伸，羽毛可换。",
        "Extends in three parts, with spare feathers."
      ],
      [
        "pet-carrier",
        "航空软包",
        "Soft pet carrier",
        169,
        "透气四面，机舱可带。",
        "Air on four sides, fits the cabin."
      ],
      ["grooming-brush", "除毛梳", "Grooming brush", 59, "一按出毛，不伤皮。", "Press to release; gentle on the skin."],
      ["pet-raincoat", "宠物雨衣", "Pet raincoat", 65, "全包腹部，帽檐透明。", "Covers the belly, with a clear visor."]
    ]
  },
  {
    category: "sports",
    merchant: "green-trail",
    options: { colour: { "moss green": 0, "sunset orange": 0 } },
    aboutZh: "户外人自己在用，质保两年，可维修。",
    aboutEn: "We use it ourselves; guaranteed for two years and repairable.",
    stock: [15, 140],
    items: [
      ["tent-2p", "双人三季帐篷", "Two-person tent", 599, "净重 1.9 公斤，五分钟搭好。", "1.9 kg, up in five minutes."],
      ["sleeping-bag", "羽绒睡袋", "Down sleeping bag", 699, "舒适温标零下五度。", "Comfortable at five below."],
      [
        "trekking-poles",
        "碳素登山杖一对",
        "Carbon trekking poles",
        239,
        "三节外锁，单支 180 克。",
        "Three sections, 180 grams each."
      ],
      [
        "day-pack",
        "二十升徒步背包",
        "20-litre day pack",
        269,
        "背负透气，自带雨罩。",
        "An airy back and its own rain cover."
      ],
      ["water-bottle", "钛水壶", "Titanium bottle", 219, "可直接上火。", "Goes straight on the fire."],
      [
        "yoga-mat",
        "天然橡胶瑜伽垫",
        "Natural rubber yoga mat",
        179,
        "出汗不滑，五毫米。",
        "Grips when you sweat; 5 mm."
      ],
      [
        "skipping-rope",
        "轴承跳绳",
        "Ball-bearing skipping rope",
        39,
        "一分钟二百下的手感。",
        "Feels like two hundred a minute."
      ],
      [
        "table-tennis-bat",
        "乒乓球拍对拍",
        "Table tennis bats, a pair",
        159,
        "直横各一，附三星球。",
        "One penhold, one shakehand, with balls."
      ],
      [
        "badminton-racket",
        "全碳素羽毛球拍",
        "Carbon badminton racket",
        299,
        "八十二克，穿线二十五磅。",
        "82 grams, strung at 25 pounds."
      ],
      [
        "camp-stove",
        "便携气炉",
        "Camping stove",
        149,
        "一级防风，三分钟烧开。",
        "Shrugs off wind, boils in three minutes."
      ],
      [
        "headlamp",
        "充电头灯",
        "Rechargeable headlamp",
        119,
        "感应开关，红光护眼。",
        "Waves on and off, with a red light for the night."
      ],
      ["folding-chair", "克米特椅", "Folding camp chair", 189, "榉木扶手，承重一百二。", "Beech arms, carries 120 kg."]
    ]
  },
  {
    category: "homestays",
    merchant: "courtyard-stays",
    options: { night: { weekday: 0, weekend: 160, holiday: 420 } },
    aboutZh: "价格为一晚，含双人早餐；下午两点后入住，提前三天可免费取消。",
    aboutEn:
      "The price is for one night with breakfast for two; check in from two, cancel free until three days before.",
    stock: [5, 30],
    items: [
      [
        "dali-erhai",
        "大理洱海边的白族小院",
        "Bai courtyard by Erhai Lake, Dali",
        468,
        "推窗见海，院里有三角梅。",
        "The lake at the window, bougainvillea in the yard."
      ],
      [
        "lijiang-old-town",
        "丽江古城木楼",
        "Wooden house in old Lijiang",
        388,
        "雪山入画，溪水绕门。",
        "A snow peak in the frame and a brook at the door."
      ],
      [
        "moganshan-bamboo",
        "莫干山竹海小屋",
        "Bamboo cabin on Moganshan",
        888,
        "独栋，壁炉，山泉泡池。",
        "A house of its own with a fire and a spring-fed tub."
      ],
      [
        "wuzhen-canal",
        "乌镇枕水客房",
        "Canal room in Wuzhen",
        528,
        "夜里摇橹声里睡。",
        "Fall asleep to the sound of oars."
      ],
      [
        "yangshuo-karst",
        "阳朔遇龙河畔",
        "Riverside house in Yangshuo",
        358,
        "竹筏码头步行三分钟。",
        "Three minutes to the bamboo rafts."
      ],
      [
        "pingyao-courtyard",
        "平遥四合院大炕",
        "Courtyard with a kang in Pingyao",
        328,
        "百年票号旧宅。",
        "In a banker's house a century old."
      ],
      [
        "gulangyu-villa",
        "鼓浪屿老别墅",
        "Old villa on Gulangyu",
        598,
        "琴声与海，不通汽车。",
        "Pianos and the sea, and not one car."
      ],
      [
        "tulou-hakka",
        "永定土楼圆屋",
        "Round house of the Hakka, Yongding",
        298,
        "三百年夯土，夏凉冬暖。",
        "Three centuries of rammed earth, cool in summer."
      ],
      [
        "beijing-hutong",
        "北京胡同一间房",
        "One room in a Beijing hutong",
        568,
        "出门就是豆汁焦圈。",
        "Breakfast is at the corner."
      ],
      [
        "kashgar-terrace",
        "喀什老城高台民居",
        "Terrace house in old Kashgar",
        318,
        "葡萄架下吃馕。",
        "Bread under the vines."
      ],
      [
        "xishuangbanna-stilt",
        "西双版纳傣家竹楼",
        "Dai stilt house, Xishuangbanna",
        278,
        "雨林鸟鸣，手抓饭。",
        "Rainforest mornings and rice by hand."
      ],
      [
        "harbin-log",
        "哈尔滨雪乡木刻楞",
        "Log house in the snow near Harbin",
        688,
        "火炕热炕头，窗外一米雪。",
        "A heated bed, and a metre of snow outside."
      ]
    ]
  }
]
