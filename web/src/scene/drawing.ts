// What the scene editor changes: shapes as values, one function per change. Pure.
import type { Schemas } from '../api/client'

export type Shapes = Schemas['ShapesModel']
export type Kind = 'line' | 'zone' | 'mask' | 'length'
export type Point = [number, number]

export interface Chosen {
  kind: Kind
  place: number
}

export const NEEDED: Record<Kind, number> = { line: 2, zone: 3, mask: 3, length: 2 }

export const nothing = (width: number, height: number): Shapes => ({
  size_px: [width, height], lines: [], zones: [], masks: [], lengths: [],
})

/** A name that nothing of its kind has yet. */
export function freshName(shapes: Shapes, kind: 'line' | 'zone'): string {
  const taken = new Set((kind === 'line' ? shapes.lines : shapes.zones).map((one) => one.name))
  for (let number = 1; ; number += 1) {
    if (!taken.has(`${kind}-${number}`)) return `${kind}-${number}`
  }
}

export function added(shapes: Shapes, kind: Kind, points: Point[]): Shapes {
  const [a, b] = points
  switch (kind) {
    case 'line':
      return { ...shapes, lines: [...shapes.lines, { name: freshName(shapes, 'line'), points_px: points }] }
    case 'zone':
      return {
        ...shapes,
        zones: [...shapes.zones, { name: freshName(shapes, 'zone'), polygon_px: points, kind: 'any' }],
      }
    case 'mask':
      return { ...shapes, masks: [...shapes.masks, { polygon_px: points, kind: 'on_view' }] }
    case 'length':
      if (a === undefined || b === undefined) return shapes
      return { ...shapes, lengths: [...shapes.lengths, { a_px: a, b_px: b, metres: 3.5 }] }
  }
}

export function removed(shapes: Shapes, { kind, place }: Chosen): Shapes {
  const without = <T>(all: T[]) => all.filter((_, number) => number !== place)
  switch (kind) {
    case 'line': return { ...shapes, lines: without(shapes.lines) }
    case 'zone': return { ...shapes, zones: without(shapes.zones) }
    case 'mask': return { ...shapes, masks: without(shapes.masks) }
    case 'length': return { ...shapes, lengths: without(shapes.lengths) }
  }
}

export function pointsOf(shapes: Shapes, { kind, place }: Chosen): Point[] {
  switch (kind) {
    case 'line': return (shapes.lines[place]?.points_px ?? []) as Point[]
    case 'zone': return (shapes.zones[place]?.polygon_px ?? []) as Point[]
    case 'mask': return (shapes.masks[place]?.polygon_px ?? []) as Point[]
    case 'length': {
      const one = shapes.lengths[place]
      return one === undefined ? [] : [one.a_px as Point, one.b_px as Point]
    }
  }
}

export function moved(shapes: Shapes, chosen: Chosen, corner: number, to: Point): Shapes {
  const points = pointsOf(shapes, chosen).map((point, number) => (number === corner ? to : point))
  return withPoints(shapes, chosen, points)
}

/** The shape turned round: a line's forward becomes its backward. */
export function reversed(shapes: Shapes, chosen: Chosen): Shapes {
  return withPoints(shapes, chosen, [...pointsOf(shapes, chosen)].reverse())
}

function withPoints(shapes: Shapes, { kind, place }: Chosen, points: Point[]): Shapes {
  const changed = <T>(all: T[], change: (one: T) => T) => all.map((one, number) => (number === place ? change(one) : one))
  switch (kind) {
    case 'line': return { ...shapes, lines: changed(shapes.lines, (one) => ({ ...one, points_px: points })) }
    case 'zone': return { ...shapes, zones: changed(shapes.zones, (one) => ({ ...one, polygon_px: points })) }
    case 'mask': return { ...shapes, masks: changed(shapes.masks, (one) => ({ ...one, polygon_px: points })) }
    case 'length': {
      const [a, b] = points
      if (a === undefined || b === undefined) return shapes
      return { ...shapes, lengths: changed(shapes.lengths, (one) => ({ ...one, a_px: a, b_px: b })) }
    }
  }
}

/** Inside the picture, to a tenth of a pixel. */
export function inside([x, y]: Point, [width, height]: readonly number[]): Point {
  const held = (value: number, most: number) => Math.round(Math.min(Math.max(value, 0), most) * 10) / 10
  return [held(x, width ?? 0), held(y, height ?? 0)]
}

/** Which way is forward over a line: a unit vector on the screen, to the left of its drawing. */
export function forwardOf(points: Point[]): Point {
  const [ax, ay] = points[0] ?? [0, 0]
  const [bx, by] = points.at(-1) ?? [1, 0]
  const length = Math.hypot(bx - ax, by - ay) || 1
  return [(by - ay) / length, -(bx - ax) / length]
}
