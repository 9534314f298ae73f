import { availableParallelism } from 'node:os';

/**
 * Processors that this process may use. More threads than that only wait for each other: 64 on two processors took minutes
 * for what two did in milliseconds (onnxruntime 1.30, 2026-11), and the roof measured with them refused every true time.
 */
export const processors = availableParallelism();
