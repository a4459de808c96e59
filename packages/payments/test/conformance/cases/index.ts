import { answers, captures } from "./answers.ts"
import { brokenBodies } from "./brokenBodies.ts"
import { clocks } from "./clocks.ts"
import { crashes } from "./crashes.ts"
import { currencies } from "./currencies.ts"
import { journeys } from "./journeys.ts"
import { notices } from "./notices.ts"
import { races } from "./races.ts"

/** Every case there is, by the name under which it is reported. */
export const cases = {
  ...journeys,
  ...answers,
  ...notices,
  ...brokenBodies,
  ...clocks,
  ...races,
  ...currencies,
  ...crashes
}

/** The cases of a channel at which we take the money that the buyer agreed to. */
export const captureCases = captures

export type CaseName = keyof typeof cases | keyof typeof captures
