/**
 * The kernels of the engine: everything that runs inside WebAssembly. Compiled twice, with and without relaxed
 * SIMD (see build.ts). All pointers are byte addresses in the one linear memory, all strides are in elements.
 */
export { attention } from './attention.kernel'
export { addRowsPackedInt4, matmulInt4, packInt4, quantizeGroups } from './matmul-int4.kernel'
export { attentionInt8, attentionInt8Bytes } from './attention-int8.kernel'
export { matmulInt8, quantizeRows } from './matmul-int8.kernel'
export { copyRows, matmulF32, packKeys, transpose } from './matmul-f32.kernel'
export { gelu, geluTanh, relu, silu, tanh } from './activation.kernel'
export { add, addMatrix, multiplyRows, rotate, scale } from './elementwise.kernel'
export { layerNorm, rmsNorm } from './normalize.kernel'
export { softmax } from './softmax.kernel'
export { addRowsF32, addRowsInt8, addRowsPackedF32, addRowsPackedInt8, meanRows } from './rows.kernel'
export { decodeBf16, decodeF16, dequantizeRows, packF32, packInt8, quantizeWeights } from './pack.kernel'
