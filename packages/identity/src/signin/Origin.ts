/** Where a request came from, as far as it is known. Personal data: never logged. */
export interface Origin {
  readonly ip: string | null
  readonly userAgent: string | null
}
