import { describe, expect, it } from "@effect/vitest"
import { ofHttpApi, ofRpcGroup } from "@mall/domain/identity/declarations"
import type { Declaration } from "@mall/domain/identity/declarations"
import { heldPermissions, permissionsOf, shopPermissions } from "@mall/domain/identity/Permission"
import { MallApi } from "@mall/domain/MallApi"
import { MallRpcs } from "../src/HttpApp.ts"

const guests: Readonly<Record<Declaration["guard"], string>> = {
  required: "",
  optional: "a token is used where there is one",
  service: "only other services of ours",
  none: "no token is read"
}

/** A table whose columns are as wide as their widest cell, as the formatter writes them. */
const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>) => {
  const widths = head.map((_, column) => Math.max(3, ...[head, ...rows].map((row) => (row[column] ?? "").length)))
  const line = (row: ReadonlyArray<string>) =>
    `| ${widths.map((width, i) => (row[i] ?? "").padEnd(width)).join(" | ")} |`
  return [line(head), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...rows.map(line)].join("\n")
}

const code = (text: string) => `\`${text}\``
const waysOf = (declarations: ReadonlyArray<Declaration>) =>
  table(
    ["way", "permission", "guests"],
    declarations.map(({ guard, permission, way }) => [code(way), code(permission ?? "none"), guests[guard]])
  )

const roles = ["customer", "merchant", "admin"] as const
const permissions = table(
  ["permission", "within a shop", ...roles],
  heldPermissions.map((permission) => [
    code(permission),
    shopPermissions.has(permission) ? "yes" : "",
    ...roles.map((role) => (permissionsOf[role].includes(permission) ? "yes" : ""))
  ])
)

const document = `# Permissions

What every way into the server needs, as it declares it; the server does not start while one declares nothing. \`public\` is for
everybody, \`account\` for everybody who is signed in, \`service\` for our own services ([services.md](services.md)). This page is written by a test:
\`npm test -- apps/server/test/permissionsDocument.test.ts -u\`. What roles hold is said in [policy.md](policy.md).

## Permissions and the built-in roles

A permission that can be held within a shop is so by the staff of that shop; the others are about the whole mall. \`merchant\` is held
within a shop.

${permissions}

## HTTP

${waysOf(ofHttpApi(MallApi))}

## RPC

${waysOf(ofRpcGroup(MallRpcs))}
`

describe("docs/permissions.md", () => {
  it("is what the endpoints and the Rpcs declare", async () => {
    await expect(document).toMatchFileSnapshot("../../../docs/permissions.md")
  })
})
