import type { EmailCodePurpose } from "@mall/domain/identity/SignIn"
import type { SignInNotice } from "@mall/domain/identity/SignInTopics"
import type { Locale } from "@mall/domain/identity/User"

export interface MailText {
  readonly subject: string
  readonly text: string
}

type Texts = Readonly<Record<Locale, MailText>>

const zhPurposes: Readonly<Record<EmailCodePurpose, string>> = {
  register: "注册账户",
  login: "登录",
  reset: "重设密码"
}
const enPurposes: Readonly<Record<EmailCodePurpose, string>> = {
  register: "open your account",
  login: "sign in",
  reset: "set a new password"
}

export const codeText = (purpose: EmailCodePurpose, code: string, minutes: number): Texts => ({
  zh: {
    subject: `${code} 是您${zhPurposes[purpose]}的验证码`,
    text: `您的验证码是 ${code}，用于${zhPurposes[purpose]}，${minutes} 分钟内有效，只能使用一次。\n请不要告诉任何人。如果不是您本人操作，请忽略本邮件。\n`
  },
  en: {
    subject: `${code} is your code to ${enPurposes[purpose]}`,
    text: `Your code to ${enPurposes[purpose]} is ${code}. It is good for ${minutes} minutes, and once.\nTell it to nobody. If you did not ask for it, ignore this mail.\n`
  }
})

/** To who registers with an address that has an account: there is no code to send, and nothing to tell the one who asked. */
export const alreadyRegisteredText: Texts = {
  zh: {
    subject: "您已经有账户了",
    text: "有人用这个邮箱注册账户，但它已经有账户了。如果是您本人，请直接登录，或者重设密码。\n如果不是您，请忽略本邮件。\n"
  },
  en: {
    subject: "You have an account already",
    text: "Somebody wants to open an account with this address, which has one. If it was you, sign in, or set a new password.\nIf it was not you, ignore this mail.\n"
  }
}

const zhNotices: Readonly<Record<SignInNotice, string>> = {
  new_country: "有人在您从未登录过的地区用您的密码登录",
  impossible_travel: "有人在距离您上次登录很远的地区用您的密码登录",
  password_changed: "您的密码已修改",
  password_reset: "您的密码已重设，所有设备已退出登录",
  mfa_enabled: "您的账户已绑定身份验证器",
  mfa_disabled: "您的账户已解绑身份验证器",
  recovery_codes_renewed: "您的账户已更换恢复码，原有的恢复码已失效",
  recovery_code_used: "有人使用了您账户的一个恢复码",
  provider_linked: "您的账户已关联一个第三方登录方式，可以用它登录",
  provider_unlinked: "您的账户已解除一个第三方登录方式"
}
const enNotices: Readonly<Record<SignInNotice, string>> = {
  new_country: "Somebody signed in, or tried to, with your password from a country that is new",
  impossible_travel: "Somebody signed in, or tried to, with your password far from where you were just before",
  password_changed: "Your password was changed",
  password_reset: "A new password was set for your account, and all its sessions were ended",
  mfa_enabled: "An authenticator was added to your account",
  mfa_disabled: "The authenticator was removed from your account",
  recovery_codes_renewed: "The recovery codes of your account were renewed; the old ones are good for nothing",
  recovery_code_used: "A recovery code of your account was used",
  provider_linked: "An identity provider was linked to your account, which now opens it",
  provider_unlinked: "An identity provider was unlinked from your account"
}

export interface NoticeDetails {
  readonly at: Date
  readonly network: string | null
  readonly country: string | null
}

export const noticeText = (notice: SignInNotice, { at, country, network }: NoticeDetails): Texts => {
  const when = at.toISOString()
  const where = [country, network].filter((part) => part !== null).join(", ")
  return {
    zh: {
      subject: zhNotices[notice],
      text: `${zhNotices[notice]}。\n时间：${when}\n${where === "" ? "" : `地点：${where}\n`}如果不是您本人操作，请立即重设密码并联系我们。\n`
    },
    en: {
      subject: enNotices[notice],
      text: `${enNotices[notice]}.\nWhen: ${when}\n${where === "" ? "" : `Where: ${where}\n`}If it was not you, set a new password at once and tell us.\n`
    }
  }
}
