import type { PersonalDataKeys } from "@mall/platform/sealing/PersonalDataKeys"
import { nothingSealed, purposeOf, sealRow } from "@mall/platform/sealing/PersonalDataTable"
import type { PersonalDataTable, SealedRow } from "@mall/platform/sealing/PersonalDataTable"
import { openParts, sealedParts } from "@mall/platform/sealing/sealedParts"

const nowhere = { ip: null, deviceId: null, userAgent: null }

/** Where a session was, and what the client says of the device and of itself, which may well name a person. */
type Trace = { readonly [Part in keyof typeof nowhere]: string | null }

/** Rows of before have the address sealed alone. */
const traces = sealedParts<Trace>(nowhere, "ip")

/** Whoever blocks a device ends its sessions, which are found by a digest of what the client calls it. */
const deviceDigest = { column: "device_digest", of: (text: string) => traces.read(text).deviceId }

export const sealedSessions: PersonalDataTable = {
  name: "identity.sessions",
  clear: {
    text: "json_build_object('ip', ip, 'deviceId', device_id, 'userAgent', user_agent)::text",
    wipe: "ip = NULL, device_id = NULL, user_agent = NULL",
    where: "num_nonnulls(ip, device_id, user_agent) > 0",
    merge: traces.merge
  },
  digest: deviceDigest
}

/** The columns of a session that hold its trace. */
export const sealTrace = (keys: PersonalDataKeys["Service"]) => {
  const digestOf = keys.digestOf(purposeOf(sealedSessions.name, deviceDigest))
  return (id: string, { deviceId, ip, userAgent }: Trace) => {
    const isTraced = ip !== null || deviceId !== null || userAgent !== null
    const sealed = isTraced
      ? sealRow(keys, sealedSessions, id, traces.text({ ip, deviceId, userAgent }))
      : nothingSealed
    const digest = deviceId === null ? undefined : digestOf(keys.currentId, deviceId)
    return { ...nowhere, ...sealed, deviceDigest: digest ?? null }
  }
}

export const openTrace = (keys: PersonalDataKeys["Service"], row: SealedRow & Trace) =>
  openParts(keys, sealedSessions, traces, row, row)

/** What a device goes by in the rows of its sessions, whichever key they are under. */
export const deviceDigests = (keys: PersonalDataKeys["Service"]) => {
  const entriesOf = keys.indexOf(purposeOf(sealedSessions.name, deviceDigest))
  return (deviceId: string) => entriesOf(deviceId).map(({ digest }) => digest)
}
