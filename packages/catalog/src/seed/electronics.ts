import type { DemoShelf } from "./demoShop.ts"

export const electronics: ReadonlyArray<DemoShelf> = [
  {
    category: "smartphones",
    merchant: "harbour-digital",
    options: { colour: { graphite: 0, silver: 0, "mist blue": 0 }, storage: { "256 GB": 0, "512 GB": 700 } },
    aboutZh: "全国联保一年，七天无理由退货，付款后当天发出。",
    aboutEn: "One year of warranty, seven days to change your mind, sent the day you pay.",
    stock: [15, 120],
    items: [
      [
        "aurora-12",
        "极光 12 智能手机",
        "Aurora 12 smartphone",
        3999,
        "6.3 英寸直屏，5000 毫安时电池，重 189 克。",
        "A flat 6.3-inch display, a 5,000 mAh battery, 189 grams."
      ],
      [
        "aurora-12-pro",
        "极光 12 Pro 智能手机",
        "Aurora 12 Pro smartphone",
        5299,
        "潜望长焦，120 赫兹自适应刷新率。",
        "A periscope lens and an adaptive 120 Hz display."
      ],
      [
        "aurora-12-mini",
        "极光 12 Mini 小屏手机",
        "Aurora 12 Mini compact phone",
        3599,
        "5.9 英寸，一手掌握，无线充电。",
        "5.9 inches, made for one hand, charges without a cable."
      ],
      [
        "lumen-x5",
        "流明 X5 影像手机",
        "Lumen X5 camera phone",
        4699,
        "一英寸主摄，夜景不糊。",
        "A one-inch main sensor that keeps the night sharp."
      ],
      [
        "lumen-x5-ultra",
        "流明 X5 Ultra 影像旗舰",
        "Lumen X5 Ultra camera flagship",
        6499,
        "双长焦，可变光圈，陶瓷机身。",
        "Two telephoto lenses, variable aperture, a ceramic body."
      ],
      [
        "lumen-s3",
        "流明 S3 轻薄手机",
        "Lumen S3 slim phone",
        2799,
        "厚 7.2 毫米，曲面屏，自拍柔光。",
        "7.2 mm thin with a curved display and a soft front light."
      ],
      [
        "swift-9",
        "雨燕 9 长续航手机",
        "Swift 9 long-life phone",
        1799,
        "6500 毫安时，重度使用一天半。",
        "6,500 mAh: a day and a half of heavy use."
      ],
      [
        "swift-9-lite",
        "雨燕 9 青春版",
        "Swift 9 Lite phone",
        1199,
        "大字体、大音量，长辈也顺手。",
        "Large letters and a loud speaker: easy for parents, too."
      ],
      [
        "swift-9-rugged",
        "雨燕 9 三防手机",
        "Swift 9 Rugged phone",
        2299,
        "防水防尘防摔，自带手电筒。",
        "Shrugs off water, dust and drops; with a real torch."
      ],
      [
        "fold-one",
        "一页 折叠屏手机",
        "Folio One folding phone",
        8999,
        "展开 7.8 英寸，二十万次折叠。",
        "7.8 inches unfolded, tested for 200,000 folds."
      ]
    ]
  },
  {
    category: "laptops",
    merchant: "harbour-digital",
    options: { memory: { "16 GB": 0, "32 GB": 800 }, storage: { "512 GB": 0, "1 TB": 500 } },
    aboutZh: "预装正版系统，两年上门保修，支持以旧换新。",
    aboutEn: "Licensed system installed, two years of on-site service, trade-in welcome.",
    stock: [8, 60],
    items: [
      [
        "slate-13",
        "青石 13 轻薄本",
        "Slate 13 ultralight laptop",
        5499,
        "重 980 克，一整天的电。",
        "980 grams and a whole day of battery."
      ],
      [
        "slate-14",
        "青石 14 轻薄本",
        "Slate 14 laptop",
        5999,
        "2.8K 屏，接口齐全，不用带转接头。",
        "A 2.8K display and every port you need, without a dongle."
      ],
      [
        "slate-16",
        "青石 16 大屏本",
        "Slate 16 laptop",
        6799,
        "16 英寸，数字键盘，适合做表。",
        "16 inches with a number pad, at home in spreadsheets."
      ],
      [
        "forge-16",
        "熔炉 16 创作本",
        "Forge 16 creator laptop",
        9999,
        "校色屏幕，剪辑 4K 不卡顿。",
        "A calibrated display that cuts 4K without a stutter."
      ],
      [
        "forge-17",
        "熔炉 17 游戏本",
        "Forge 17 gaming laptop",
        10999,
        "240 赫兹，双风扇，夜里也安静。",
        "240 Hz, two fans, quiet even at night."
      ],
      [
        "campus-14",
        "校园 14 学生本",
        "Campus 14 student laptop",
        3799,
        "耐摔外壳，键盘防泼溅。",
        "A case that takes knocks and a keyboard that takes spills."
      ],
      [
        "campus-11",
        "校园 11 二合一",
        "Campus 11 two-in-one",
        2999,
        "翻过来就是平板，带手写笔。",
        "Turns into a tablet; the pen is included."
      ],
      [
        "atelier-15",
        "工坊 15 移动工作站",
        "Atelier 15 workstation",
        13999,
        "专业显卡，通过行业软件认证。",
        "A professional graphics card, certified for design software."
      ]
    ]
  },
  {
    category: "audio",
    merchant: "harbour-digital",
    options: { colour: { black: 0, white: 0, sage: 0 } },
    aboutZh: "一年只换不修，耳塞耳罩单独配件可购。",
    aboutEn: "Replaced, not repaired, within a year; spare tips and pads are on sale.",
    stock: [30, 260],
    items: [
      [
        "hush-buds",
        "静听 真无线降噪耳机",
        "Hush true wireless earbuds",
        599,
        "主动降噪，地铁里也听得清。",
        "Active noise cancelling that silences the underground."
      ],
      [
        "hush-buds-lite",
        "静听 Lite 真无线耳机",
        "Hush Lite earbuds",
        249,
        "单耳 4 克，睡觉也能戴。",
        "Four grams each, comfortable enough to sleep in."
      ],
      [
        "hush-over-ear",
        "静听 头戴式降噪耳机",
        "Hush over-ear headphones",
        1299,
        "四十小时续航，折叠收纳。",
        "Forty hours of music, folds into its case."
      ],
      [
        "studio-monitor",
        "录音棚 有线监听耳机",
        "Studio wired monitor headphones",
        499,
        "声音平直，线可拆换。",
        "Flat, honest sound and a detachable cable."
      ],
      [
        "open-run",
        "开跑 骨传导运动耳机",
        "OpenRun bone-conduction headphones",
        698,
        "不入耳，路况听得见。",
        "Leaves the ears open to the traffic."
      ],
      [
        "pebble-speaker",
        "鹅卵石 便携音箱",
        "Pebble portable speaker",
        329,
        "巴掌大，防水，洗澡也能唱。",
        "Palm-sized and waterproof, made for the shower."
      ],
      [
        "brick-speaker",
        "砖块 户外音箱",
        "Brick outdoor speaker",
        799,
        "二十四小时，可作充电宝。",
        "Plays for a day and charges your phone."
      ],
      [
        "lantern-speaker",
        "灯笼 氛围灯音箱",
        "Lantern lamp speaker",
        459,
        "暖光随音乐呼吸。",
        "A warm light that breathes with the music."
      ],
      [
        "shelf-pair",
        "书架 有源音箱一对",
        "Shelf active speakers, a pair",
        1599,
        "木质箱体，接唱机接电视都行。",
        "Wooden cabinets for the turntable and the television."
      ],
      [
        "karaoke-mic",
        "开唱 无线麦克风",
        "SingAlong wireless microphone",
        199,
        "聚会神器，自带混响。",
        "With its own reverb: the party starts here."
      ]
    ]
  }
]
