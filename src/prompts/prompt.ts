/** Prompt templates from model storage, like weights: a change to one needs no deployment. */
import { EdgewiseError } from '../errors.ts'
import { createTemplate } from './template.ts'

export interface Prompt {
  name: string
  /** First 12 hex digits of the template's sha256. */
  revision: string
  /** As it is stored. */
  source: string
  /** @throws EdgewiseError `config_invalid` where the template cannot be rendered with these values */
  render(values: Record<string, unknown>): string
}

/** Parses a template. @throws EdgewiseError `config_invalid` */
export function createPrompt(name: string, revision: string, source: string): Prompt {
  const guarded = <T>(work: () => T): T => {
    try {
      return work()
    } catch (cause) {
      throw new EdgewiseError(
        'config_invalid',
        `Prompt "${name}" cannot be rendered: ${cause instanceof Error ? cause.message : cause}.`,
        'Mend models/prompts and make the catalog again: npm run catalog.',
        { cause },
      )
    }
  }
  const template = guarded(() => createTemplate(source.trim()))
  return { name, revision, source, render: (values) => guarded(() => template.render(values)) }
}
