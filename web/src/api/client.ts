// The API, typed from the server's own OpenAPI document (schema.ts is made by the build).
import createClient from 'openapi-fetch'

import type { components, paths } from './schema'

export type Schemas = components['schemas']
export type Camera = Schemas['CameraAnswer']
export type Session = Schemas['SessionAnswer']
export type Look = Schemas['LookAnswer']
/** What the browser plays is told by openLook. */
export type LookWish = Omit<Schemas['LookWishModel'], 'plays_hevc'>
export type Cover = Look['renditions'][number]
export type Timeline = Schemas['TimelineAnswer']
export type Problem = Schemas['Problem']

export const LOOK_HEADER = 'X-Fairview-Look'

export const api = createClient<paths>({ credentials: 'same-origin' })

/** An error the server told us, or silence, in the server's own shape. */
export class ApiError extends Error {
  constructor(
    readonly kind: Problem['error'] | 'silent',
    message: string,
    readonly todo: string,
  ) {
    super(message)
  }
}

interface Outcome<T> {
  data?: T
  error?: unknown
  response: Response
}

/** The answer's data; throws ApiError otherwise. */
export async function told<T>(asking: Promise<Outcome<T>>): Promise<T> {
  let outcome: Outcome<T>
  try {
    outcome = await asking
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw new ApiError('silent', '', '')
  }
  if (outcome.error !== undefined) throw asApiError(outcome.error)
  return outcome.data as T
}

export function asApiError(body: unknown): ApiError {
  if (typeof body === 'object' && body !== null && 'error' in body && 'message' in body) {
    const problem = body as Problem
    return new ApiError(problem.error, problem.message, problem.do)
  }
  return new ApiError('our_mistake', '', '')
}

export function lookHeader(token: string): { 'x-fairview-look': string } {
  return { 'x-fairview-look': token }
}
