import { DateTime } from "effect"
import { inBeijing } from "../beijing.ts"

/** `2026-01-02 11:04:05`, the time in Beijing: how Alipay writes times. */
export const formatTime = (time: DateTime.DateTime) => inBeijing(time).slice(0, 19).replace("T", " ")
export const timeOf = (iso: string) => formatTime(DateTime.makeUnsafe(iso))
export const toIso = (time: string) => `${time.replace(" ", "T")}+08:00`
