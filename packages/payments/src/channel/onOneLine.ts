/** A description as a bill that goes line by line can tell it: what a merchant broke into lines would break its line there. */
export const onOneLine = (description: string) => description.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ")
