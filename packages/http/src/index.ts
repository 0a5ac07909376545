export { Answer, RawAnswer, rawJson, streamedJson, type AnswerHeaders } from './answer.ts'
export { administratorsOnly } from './administrators-only.ts'
export type { Authenticated, AuthenticationRequest, Authenticator, Authenticators } from './authentication.ts'
export { BodyStream, byteStream } from './body-stream.ts'
export { addressGroup } from './client-address.ts'
export { contentChecks } from './content-checks.ts'
export {
  endpointFor,
  type Endpoint,
  type EndpointDefinition,
  type EndpointRequest,
  type Endpoints,
  type EndpointShape,
  type HandlerResult,
  type Method,
  type RequestFacts,
  type Requesters,
} from './endpoint.ts'
export { RequestAborted } from './exchange.ts'
export { fileAnswer, type ByteRange, type FileRequest, type ServedFile } from './file-answer.ts'
export { HttpServer, type HttpServerDeps } from './http-server.ts'
export { defaultLimits, type HttpLimits } from './limits.ts'
export type { TlsFiles } from './listener.ts'
export type { OperationsContext } from './operations/context.ts'
export { operations } from './operations/operations.ts'
export type { QueryParameters } from './query.ts'
export { RateLimiters, type RateLimit } from './rate-limits.ts'
export { jsonBytes, type RequestBody } from './request-body.ts'
export type { Transport } from './transport.ts'
