import { Effect, Layer } from "effect"
import * as Sweep from "../Sweep.ts"
import { Doctor } from "./Doctor.ts"

/** A run is one pass, whatever it finds. */
const once = <A, E, R>(work: Effect.Effect<A, E, R>) => Effect.as(work, 0)

/** A look that takes long comes less often: it has a twentieth of a process at most. */
const rests = 19

/** Looks continuously at what changed, now and then at everything, and at what others than the database say, with the checks that this process has. */
export const layer = Layer.unwrap(
  Effect.map(Doctor, (doctor) => {
    const lookAfar = Effect.flatMap(doctor.checks, (checks) =>
      Effect.forEach(
        checks.filter(({ reach }) => reach === "channels"),
        ({ name }) => doctor.run({ check: name })
      )
    )
    return Layer.mergeAll(
      Sweep.layer({ name: "doctor", every: "1 minute", rests, batch: () => once(doctor.run({})) }),
      Sweep.layer({ name: "doctor_full", every: "6 hours", rests, batch: () => once(doctor.run({ isFull: true })) }),
      Sweep.layer({ name: "doctor_channels", every: "15 minutes", batch: () => once(lookAfar) })
    )
  })
)
