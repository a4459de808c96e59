import type { SessionId } from "@mall/domain/identity/CurrentUser"
import type { SessionDevice } from "@mall/domain/identity/User"
import { Array as Arr } from "effect"
import { deviceName } from "./deviceName.ts"
import type { StoredSession } from "./SessionRepo.ts"

const maxSessions = 20

/** By the name that the client gave it, else by what its program says of itself. */
const deviceOf = ({ client, deviceId, userAgent }: StoredSession) =>
  JSON.stringify(deviceId === null ? [client, null, userAgent] : [client, deviceId])

/** Sessions by device. They come with the last used first, and so do the devices. */
export const sessionDevices = (
  sessions: ReadonlyArray<StoredSession>,
  current: SessionId,
  limit: number
): ReadonlyArray<SessionDevice> =>
  Object.values(Arr.groupBy(sessions, deviceOf))
    .slice(0, limit)
    .map((own) => {
      const { client, deviceId, lastUsedAt, userAgent } = own[0]
      return {
        ...{ client, deviceId, lastUsedAt, name: deviceName(userAgent) },
        current: own.some(({ id }) => id === current),
        sessionIds: own.slice(0, maxSessions).map(({ id }) => id)
      }
    })
