/** Any checkpoint on our own engine: its config decides what it needs, its weights stream into the engine's memory. */
import { createEngine, type Engine } from '../engine/engine.ts'
import type { KernelModules } from '../engine/kernels.ts'
import { loadWeights, type Precision, planWeights, type WeightPlan } from '../engine/weights.ts'
import { type ModelFiles, openWeights } from './weights.ts'

/**
 * @param plan reads config.json and declares the weights, e.g. an Architecture's `encoder`
 * @throws EdgewiseError for whatever is wrong with the files (codes with status 503)
 */
export async function loadModel<Model>(
  files: ModelFiles,
  kernels: KernelModules,
  precision: Precision,
  plan: (config: unknown, weights: WeightPlan) => Model,
): Promise<{ model: Model; engine: Engine }> {
  const config = await files.json('config.json')
  const weights = await openWeights(files)
  const weightPlan = planWeights(weights.tensorNames, precision)
  const model = plan(config, weightPlan)
  const engine = createEngine(kernels, weightPlan.bytes())
  await loadWeights(weights.files, weightPlan, engine.memory, engine.kernels)
  return { model, engine }
}
