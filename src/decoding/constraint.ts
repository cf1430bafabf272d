/** What may be written, token by token: the rules of a grammar, as decoding sees them. */

/** A place in a constrained text; never changes, so that beams can share it. */
export interface ConstraintState {
  /** The text may end here. */
  readonly complete: boolean
  /** The text must end here. */
  readonly final: boolean
  /** Tokens that complete the text from here, as few as are known to. */
  readonly distance: number
  /**
   * One bit a token id: those that may follow and after which the text can still be completed within `remaining` tokens,
   * this one included. Valid until the next call.
   */
  mask(remaining: number): Uint32Array
  /** The first of the `distance` tokens. */
  nearest(): number
  /** The place behind a token of mask(). */
  after(id: number): ConstraintState
}
