import { ByteSize, Config, Duration, Schema } from "effect"

const list = (name: string) =>
  Config.String(name).pipe(
    Config.withDefault(""),
    Config.map((text) =>
      text
        .split(",")
        .map((part) => part.trim())
        .filter((part) => part !== "")
    )
  )

const atLeastOne = Schema.FiniteFromString.check(Schema.isInt(), Schema.isGreaterThanOrEqualTo(1))
const whole = (name: string, byDefault: number) => Config.schema(atLeastOne, name).pipe(Config.withDefault(byDefault))

/** Less than one a second is a number below 1. */
const positive = Schema.FiniteFromString.check(Schema.isGreaterThan(0))
const rate = (name: string, byDefault: number) => Config.schema(positive, name).pipe(Config.withDefault(byDefault))

const duration = (name: string, byDefault: Duration.Input) =>
  Config.Duration(name).pipe(Config.withDefault(Duration.fromInputUnsafe(byDefault)))

/** A number of bytes, or one with its unit: `1048576`, `1 MiB`. */
const bytes = (name: string, byDefault: number) =>
  Config.Int(name).pipe(
    Config.map(ByteSize.bytes),
    Config.orElse(() => Config.ByteSize(name)),
    Config.withDefault(ByteSize.bytes(byDefault))
  )

/** What an operator may set of the HTTP edge. Sizes are bytes; rates are of one process. */
export const EdgeConfig = Config.all({
  maxBody: bytes("HTTP_MAX_BODY", 1024 * 1024),
  maxInFlight: whole("HTTP_MAX_IN_FLIGHT", 1024),
  maxEventLoopDelay: duration("HTTP_MAX_EVENT_LOOP_DELAY", "1 second"),
  accessLog: Config.Boolean("ACCESS_LOG").pipe(Config.withDefault(true)),
  corsOrigins: list("CORS_ORIGINS"),
  trustedProxies: list("TRUSTED_PROXIES"),
  serviceName: Config.String("OTEL_SERVICE_NAME").pipe(Config.withDefault("mall")),
  rateLimit: Config.all({
    ipPerSecond: rate("RATE_LIMIT_IP_PER_SECOND", 100),
    ipBurst: whole("RATE_LIMIT_IP_BURST", 200),
    userPerSecond: rate("RATE_LIMIT_USER_PER_SECOND", 100),
    userBurst: whole("RATE_LIMIT_USER_BURST", 200),
    authPerMinute: whole("RATE_LIMIT_AUTH_PER_MINUTE", 100),
    registerPerMinute: Config.option(Config.schema(atLeastOne, "RATE_LIMIT_REGISTER_PER_MINUTE")),
    emailCodePerMinute: Config.option(Config.schema(atLeastOne, "RATE_LIMIT_EMAIL_CODE_PER_MINUTE"))
  })
})
export type EdgeConfig = Config.Success<typeof EdgeConfig>

/** 0 takes any free one. */
const Port = Schema.FiniteFromString.check(Schema.isInt(), Schema.isBetween({ minimum: 0, maximum: 65535 }))

/** How the server listens, and how long it takes to leave. */
export const ServerConfig = Config.all({
  port: Config.schema(Port, "PORT").pipe(Config.withDefault(8080)),
  host: Config.String("HOST").pipe(Config.withDefault("0.0.0.0")),
  headersTimeout: duration("HTTP_HEADERS_TIMEOUT", "10 seconds"),
  requestTimeout: duration("HTTP_REQUEST_TIMEOUT", "30 seconds"),
  keepAliveTimeout: duration("HTTP_KEEP_ALIVE_TIMEOUT", "5 seconds"),
  maxHeaderSize: whole("HTTP_MAX_HEADER_SIZE", 16 * 1024),
  maxConnections: whole("HTTP_MAX_CONNECTIONS", 10_000),
  drainTimeout: duration("DRAIN_TIMEOUT", "20 seconds")
})
