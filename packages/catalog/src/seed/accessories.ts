import type { DemoShelf } from "./demoShop.ts"

export const accessories: ReadonlyArray<DemoShelf> = [
  {
    category: "accessories",
    merchant: "harbour-digital",
    options: { colour: { black: 0, white: 0 } },
    aboutZh: "通过安全认证，十八个月质保。",
    aboutEn: "Safety certified, with eighteen months of warranty.",
    stock: [80, 500],
    items: [
      [
        "charger-65w",
        "65W 氮化镓充电器",
        "65 W GaN charger",
        129,
        "三口同充，笔记本也带得动。",
        "Three ports, strong enough for a laptop."
      ],
      [
        "charger-140w",
        "140W 氮化镓充电器",
        "140 W GaN charger",
        259,
        "一个插头带全家。",
        "One plug for the whole family."
      ],
      [
        "power-bank-10k",
        "一万毫安充电宝",
        "10,000 mAh power bank",
        109,
        "自带线，可上飞机。",
        "With its own cable; allowed on planes."
      ],
      [
        "power-bank-20k",
        "两万毫安充电宝",
        "20,000 mAh power bank",
        189,
        "屏显电量，双向快充。",
        "Shows what is left and charges fast both ways."
      ],
      [
        "cable-usbc",
        "编织数据线 2 米",
        "Braided USB-C cable, 2 m",
        39.9,
        "一百瓦，弯折三万次。",
        "A hundred watts, bent thirty thousand times in the lab."
      ],
      [
        "magsafe-stand",
        "磁吸无线充支架",
        "Magnetic charging stand",
        179,
        "横竖都能放，追剧充电两不误。",
        "Upright or sideways, to charge while you watch."
      ],
      [
        "laptop-sleeve",
        "毛毡电脑内胆包",
        "Felt laptop sleeve",
        89,
        "十三到十四英寸，内衬绒布。",
        "For 13 and 14 inches, softly lined."
      ],
      [
        "laptop-stand",
        "铝合金电脑支架",
        "Aluminium laptop stand",
        149,
        "六档高度，折起来像一把尺。",
        "Six heights; folds to the size of a ruler."
      ],
      [
        "mechanical-keyboard",
        "七十五键 机械键盘",
        "75-key mechanical keyboard",
        369,
        "静音轴，三台设备一键切换。",
        "Silent switches, three devices at a press."
      ],
      [
        "vertical-mouse",
        "竖握 无线鼠标",
        "Vertical wireless mouse",
        159,
        "手腕不拧，久坐不累。",
        "Keeps the wrist straight through long days."
      ],
      ["webcam-2k", "2K 网络摄像头", "2K webcam", 239, "物理遮挡，开会不尴尬。", "With a shutter you can see closed."],
      [
        "usb-hub",
        "八合一扩展坞",
        "Eight-in-one USB-C hub",
        219,
        "网口、读卡、双屏输出。",
        "Ethernet, card reader and two displays."
      ]
    ]
  }
]
