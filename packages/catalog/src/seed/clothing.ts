import type { DemoShelf } from "./demoShop.ts"

const sizes = { S: 0, M: 0, L: 0, XL: 0 }

export const clothing: ReadonlyArray<DemoShelf> = [
  {
    category: "womens-clothing",
    merchant: "cotton-cloud",
    options: { colour: { oat: 0, "dusty rose": 0, "ink blue": 0 }, size: sizes },
    aboutZh: "模特身高 168 厘米穿 M 码；三十度以下机洗，不可漂白。",
    aboutEn: "The model is 168 cm and wears M; machine wash below 30 °C, do not bleach.",
    stock: [6, 60],
    items: [
      [
        "linen-dress",
        "亚麻方领连衣裙",
        "Square-neck linen dress",
        329,
        "透气不闷，腰线可收。",
        "Breathes well, and the waist can be drawn in."
      ],
      [
        "silk-shirt",
        "桑蚕丝衬衫",
        "Mulberry silk shirt",
        459,
        "十九姆米，垂而不透。",
        "19 momme: it drapes and does not show through."
      ],
      [
        "wool-cardigan",
        "美利奴羊毛开衫",
        "Merino cardigan",
        399,
        "贴身不扎，四季可叠穿。",
        "Soft on the skin, a layer for every season."
      ],
      [
        "wide-trousers",
        "高腰阔腿裤",
        "High-waist wide trousers",
        259,
        "西装料，坐一天不皱。",
        "Suiting cloth that stays smooth all day."
      ],
      [
        "pleated-skirt",
        "百褶半身裙",
        "Pleated midi skirt",
        229,
        "永久压褶，走路生风。",
        "Permanent pleats that move with you."
      ],
      [
        "cotton-tee-women",
        "重磅纯棉圆领衫",
        "Heavy cotton tee",
        99,
        "二百三十克，领口不变形。",
        "230 grams, and the neck keeps its shape."
      ],
      [
        "qipao-modern",
        "新式改良旗袍",
        "Modern qipao",
        569,
        "盘扣手缝，日常也能穿。",
        "Hand-sewn knots, easy enough for every day."
      ],
      [
        "down-vest-women",
        "轻薄羽绒马甲",
        "Light down vest",
        349,
        "九十白鸭绒，可收纳成枕。",
        "90 % duck down; packs into a pillow."
      ],
      [
        "trench-coat",
        "双排扣风衣",
        "Double-breasted trench coat",
        699,
        "防泼水，配同色腰带。",
        "Sheds the rain, with a belt to match."
      ],
      [
        "pyjama-set-women",
        "双层纱睡衣套装",
        "Double-gauze pyjamas",
        219,
        "越洗越软，口袋真能用。",
        "Softer with every wash, with pockets that work."
      ]
    ]
  },
  {
    category: "mens-clothing",
    merchant: "cotton-cloud",
    options: { colour: { navy: 0, stone: 0, black: 0 }, size: sizes },
    aboutZh: "模特身高 182 厘米穿 L 码；深浅色请分开洗涤。",
    aboutEn: "The model is 182 cm and wears L; wash darks and lights apart.",
    stock: [6, 60],
    items: [
      ["oxford-shirt", "牛津纺衬衫", "Oxford shirt", 239, "免烫整理，通勤不慌。", "Needs no iron on a busy morning."],
      [
        "chino-trousers",
        "修身斜纹裤",
        "Slim chinos",
        269,
        "微弹斜纹，久坐不勒。",
        "A little stretch for long sittings."
      ],
      [
        "cotton-tee-men",
        "重磅纯棉T恤",
        "Heavy cotton T-shirt",
        99,
        "肩部加固，洗五十次不走样。",
        "Reinforced shoulders; fifty washes and still in shape."
      ],
      [
        "polo-pique",
        "珠地棉 POLO 衫",
        "Piqué polo shirt",
        179,
        "领子挺，配西裤也得体。",
        "A firm collar that goes with a jacket."
      ],
      [
        "wool-sweater-men",
        "半高领羊毛衫",
        "Mock-neck wool sweater",
        369,
        "全羊毛，抗起球。",
        "Pure wool that resists pilling."
      ],
      [
        "denim-jacket",
        "赤耳丹宁外套",
        "Selvedge denim jacket",
        599,
        "十三盎司，越穿越有样。",
        "13 ounces that get better with wear."
      ],
      [
        "straight-jeans",
        "直筒牛仔裤",
        "Straight jeans",
        319,
        "中腰直筒，不追流行。",
        "Mid-rise and straight, whatever the fashion."
      ],
      [
        "down-jacket-men",
        "连帽羽绒服",
        "Hooded down jacket",
        899,
        "鹅绒七百蓬，零下十五度。",
        "700-fill goose down, for fifteen below."
      ],
      [
        "linen-shorts",
        "棉麻短裤",
        "Linen-cotton shorts",
        159,
        "抽绳腰，海边菜场都合适。",
        "A drawstring waist, for the beach and the market."
      ],
      [
        "zhongshan-jacket",
        "立领中山装",
        "Stand-collar jacket",
        659,
        "四袋剪裁，改良版型。",
        "Four pockets in a present-day cut."
      ]
    ]
  },
  {
    category: "shoes",
    merchant: "cotton-cloud",
    options: { size: { "36": 0, "38": 0, "40": 0, "42": 0, "44": 0 } },
    aboutZh: "脚宽建议拍大半码，鞋底开胶一年内包换。",
    aboutEn: "Take half a size more for wide feet; soles are guaranteed for a year.",
    stock: [4, 40],
    items: [
      ["canvas-low", "低帮帆布鞋", "Low canvas shoes", 139, "硫化底，弯折柔软。", "Vulcanised soles that bend easily."],
      [
        "leather-derby",
        "头层牛皮德比鞋",
        "Full-grain derby shoes",
        499,
        "固特异缝制，可换底。",
        "Goodyear welted, so they can be resoled."
      ],
      [
        "running-cloud",
        "云步 缓震跑鞋",
        "Cloudstep running shoes",
        429,
        "回弹中底，单只 210 克。",
        "A springy midsole, 210 grams a shoe."
      ],
      [
        "cloth-shoes",
        "千层底布鞋",
        "Layered-sole cloth shoes",
        168,
        "手工纳底，走路轻快。",
        "Soles stitched by hand, light on the road."
      ],
      ["snow-boots", "羊皮毛一体雪地靴", "Sheepskin snow boots", 529, "光脚穿也不冷。", "Warm on bare feet."],
      [
        "home-slippers",
        "棉麻居家拖鞋",
        "Linen house slippers",
        49,
        "静音软底，可机洗。",
        "Silent soles, and the washing machine is fine."
      ],
      ["ballet-flats", "软底芭蕾鞋", "Soft ballet flats", 259, "可对折放包里。", "Fold in half and vanish into a bag."],
      ["rain-boots", "短筒雨靴", "Short rain boots", 129, "不磨脚的棉内里。", "A cotton lining that does not rub."]
    ]
  }
]
