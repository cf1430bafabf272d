/**
 * What the machine can do, as small loops: see bound.ts. In each, half of the operands are read at run time from a buffer
 * in the first-level cache, so that no compiler can fold a product or move it out of the loop; loads run beside arithmetic
 * and cost it nothing. Eight accumulators hide the latency, and a loop's own instructions are shared by 16 products.
 */

/** Bytes of the buffer that operands are read from. */
const RING: usize = 4096

// @ts-ignore: decorator
@inline
function storeAll(to: usize, a: v128, b: v128, c: v128, d: v128, e: v128, f: v128, g: v128, h: v128): void {
  v128.store(to, v128.xor(v128.xor(v128.xor(a, b), v128.xor(c, d)), v128.xor(v128.xor(e, f), v128.xor(g, h))))
}

/** 16 dot products of bytes with accumulation in 32 bits, `steps` times. @param p RING bytes @param to 16 bytes */
export function dotAdd(p: usize, to: usize, steps: i32): void {
  const u = v128.load(p)
  const v = v128.load(p, 16)
  const w = v128.load(p, 32)
  const x = v128.load(p, 48)
  let a = u
  let b = v
  let c = w
  let d = x
  let e = u
  let f = v
  let g = w
  let h = x
  let at = p
  const end = p + RING
  for (let i = 0; i < steps; i++) {
    const y = v128.load(at)
    const z = v128.load(at, 16)
    a = i32x4.relaxed_dot_i8x16_i7x16_add_s(u, y, a)
    b = i32x4.relaxed_dot_i8x16_i7x16_add_s(v, y, b)
    c = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, y, c)
    d = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, y, d)
    e = i32x4.relaxed_dot_i8x16_i7x16_add_s(u, z, e)
    f = i32x4.relaxed_dot_i8x16_i7x16_add_s(v, z, f)
    g = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, z, g)
    h = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, z, h)
    const s = v128.load(at, 32)
    const t = v128.load(at, 48)
    a = i32x4.relaxed_dot_i8x16_i7x16_add_s(u, s, a)
    b = i32x4.relaxed_dot_i8x16_i7x16_add_s(v, s, b)
    c = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, s, c)
    d = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, s, d)
    e = i32x4.relaxed_dot_i8x16_i7x16_add_s(u, t, e)
    f = i32x4.relaxed_dot_i8x16_i7x16_add_s(v, t, f)
    g = i32x4.relaxed_dot_i8x16_i7x16_add_s(w, t, g)
    h = i32x4.relaxed_dot_i8x16_i7x16_add_s(x, t, h)
    at += 64
    if (at == end) at = p
  }
  storeAll(to, a, b, c, d, e, f, g, h)
}

/** As dotAdd in three instructions: V8 makes the ones of the second anew in each dotAdd, here they stay in a register. */
export function dotWiden(p: usize, to: usize, steps: i32): void {
  const u = v128.load(p)
  const v = v128.load(p, 16)
  const w = v128.load(p, 32)
  const x = v128.load(p, 48)
  const ones = i16x8.splat(<i16>min(1, steps))
  let a = u
  let b = v
  let c = w
  let d = x
  let e = u
  let f = v
  let g = w
  let h = x
  let at = p
  const end = p + RING
  for (let i = 0; i < steps; i++) {
    const y = v128.load(at)
    const z = v128.load(at, 16)
    a = i32x4.add(a, i32x4.dot_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(u, y), ones))
    b = i32x4.add(b, i32x4.dot_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(v, y), ones))
    c = i32x4.add(c, i32x4.dot_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(w, y), ones))
    d = i32x4.add(d, i32x4.dot_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(x, y), ones))
    e = i32x4.add(e, i32x4.dot_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(u, z), ones))
    f = i32x4.add(f, i32x4.dot_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(v, z), ones))
    g = i32x4.add(g, i32x4.dot_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(w, z), ones))
    h = i32x4.add(h, i32x4.dot_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(x, z), ones))
    const s = v128.load(at, 32)
    const t = v128.load(at, 48)
    a = i32x4.add(a, i32x4.dot_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(u, s), ones))
    b = i32x4.add(b, i32x4.dot_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(v, s), ones))
    c = i32x4.add(c, i32x4.dot_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(w, s), ones))
    d = i32x4.add(d, i32x4.dot_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(x, s), ones))
    e = i32x4.add(e, i32x4.dot_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(u, t), ones))
    f = i32x4.add(f, i32x4.dot_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(v, t), ones))
    g = i32x4.add(g, i32x4.dot_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(w, t), ones))
    h = i32x4.add(h, i32x4.dot_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(x, t), ones))
    at += 64
    if (at == end) at = p
  }
  storeAll(to, a, b, c, d, e, f, g, h)
}

/** As dotAdd, but products are added in 16 bits. */
export function dot16(p: usize, to: usize, steps: i32): void {
  const u = v128.load(p)
  const v = v128.load(p, 16)
  const w = v128.load(p, 32)
  const x = v128.load(p, 48)
  let a = u
  let b = v
  let c = w
  let d = x
  let e = u
  let f = v
  let g = w
  let h = x
  let at = p
  const end = p + RING
  for (let i = 0; i < steps; i++) {
    const y = v128.load(at)
    const z = v128.load(at, 16)
    a = i16x8.add(a, i16x8.relaxed_dot_i8x16_i7x16_s(u, y))
    b = i16x8.add(b, i16x8.relaxed_dot_i8x16_i7x16_s(v, y))
    c = i16x8.add(c, i16x8.relaxed_dot_i8x16_i7x16_s(w, y))
    d = i16x8.add(d, i16x8.relaxed_dot_i8x16_i7x16_s(x, y))
    e = i16x8.add(e, i16x8.relaxed_dot_i8x16_i7x16_s(u, z))
    f = i16x8.add(f, i16x8.relaxed_dot_i8x16_i7x16_s(v, z))
    g = i16x8.add(g, i16x8.relaxed_dot_i8x16_i7x16_s(w, z))
    h = i16x8.add(h, i16x8.relaxed_dot_i8x16_i7x16_s(x, z))
    const s = v128.load(at, 32)
    const t = v128.load(at, 48)
    a = i16x8.add(a, i16x8.relaxed_dot_i8x16_i7x16_s(u, s))
    b = i16x8.add(b, i16x8.relaxed_dot_i8x16_i7x16_s(v, s))
    c = i16x8.add(c, i16x8.relaxed_dot_i8x16_i7x16_s(w, s))
    d = i16x8.add(d, i16x8.relaxed_dot_i8x16_i7x16_s(x, s))
    e = i16x8.add(e, i16x8.relaxed_dot_i8x16_i7x16_s(u, t))
    f = i16x8.add(f, i16x8.relaxed_dot_i8x16_i7x16_s(v, t))
    g = i16x8.add(g, i16x8.relaxed_dot_i8x16_i7x16_s(w, t))
    h = i16x8.add(h, i16x8.relaxed_dot_i8x16_i7x16_s(x, t))
    at += 64
    if (at == end) at = p
  }
  storeAll(to, a, b, c, d, e, f, g, h)
}

/** As dotAdd: 16 multiply-adds of four f32. */
export function multiplyAdd(p: usize, to: usize, steps: i32): void {
  const u = v128.load(p)
  const v = v128.load(p, 16)
  const w = v128.load(p, 32)
  const x = v128.load(p, 48)
  let a = u
  let b = v
  let c = w
  let d = x
  let e = u
  let f = v
  let g = w
  let h = x
  let at = p
  const end = p + RING
  for (let i = 0; i < steps; i++) {
    const y = v128.load(at)
    const z = v128.load(at, 16)
    a = f32x4.relaxed_madd(u, y, a)
    b = f32x4.relaxed_madd(v, y, b)
    c = f32x4.relaxed_madd(w, y, c)
    d = f32x4.relaxed_madd(x, y, d)
    e = f32x4.relaxed_madd(u, z, e)
    f = f32x4.relaxed_madd(v, z, f)
    g = f32x4.relaxed_madd(w, z, g)
    h = f32x4.relaxed_madd(x, z, h)
    const s = v128.load(at, 32)
    const t = v128.load(at, 48)
    a = f32x4.relaxed_madd(u, s, a)
    b = f32x4.relaxed_madd(v, s, b)
    c = f32x4.relaxed_madd(w, s, c)
    d = f32x4.relaxed_madd(x, s, d)
    e = f32x4.relaxed_madd(u, t, e)
    f = f32x4.relaxed_madd(v, t, f)
    g = f32x4.relaxed_madd(w, t, g)
    h = f32x4.relaxed_madd(x, t, h)
    at += 64
    if (at == end) at = p
  }
  storeAll(to, a, b, c, d, e, f, g, h)
}

/** Reads `bytes`, a multiple of 128, from p on. @param to 16 bytes */
export function read(p: usize, to: usize, bytes: usize): void {
  let a = i32x4.splat(0)
  let b = a
  let c = a
  let d = a
  let e = a
  let f = a
  let g = a
  let h = a
  for (const end = p + bytes; p < end; p += 128) {
    a = v128.xor(a, v128.load(p))
    b = v128.xor(b, v128.load(p, 16))
    c = v128.xor(c, v128.load(p, 32))
    d = v128.xor(d, v128.load(p, 48))
    e = v128.xor(e, v128.load(p, 64))
    f = v128.xor(f, v128.load(p, 80))
    g = v128.xor(g, v128.load(p, 96))
    h = v128.xor(h, v128.load(p, 112))
  }
  storeAll(to, a, b, c, d, e, f, g, h)
}
