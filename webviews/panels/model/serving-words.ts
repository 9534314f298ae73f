/** Numbers of serving in words, with what they are made of. */
import type {
  ServingDeviceView,
  ServingFigureName,
  ServingFigureView,
  ServingOperatorView,
} from '../../../protocol/language/serving';
import { count, significant } from '../../ui/numbers';
import { binaryBytes, operations } from './units';

/** 0.0032 -> `3.20 ms`, 4.9e-9 -> `4.90 ns`. */
export function duration(seconds: number): string {
  if (seconds >= 1) return `${significant(seconds)} s`;
  if (seconds >= 1e-3 || seconds === 0) return `${significant(seconds * 1e3)} ms`;
  return seconds >= 1e-6 ? `${significant(seconds * 1e6)} µs` : `${significant(seconds * 1e9)} ns`;
}

export const bytesWords = (bytes: number): string => binaryBytes(Math.round(bytes));

export function figureWords({ value, unit }: ServingFigureView): string {
  switch (unit) {
    case 's':
      return duration(value);
    case 'bytes':
      return bytesWords(value);
    case 'tokens/s':
      return `${value >= 1000 ? count(Math.round(value)) : significant(value)} tokens/s`;
    case 'sequences':
      return count(value);
  }
}

export const figureTitles: Readonly<Record<ServingFigureName, string>> = {
  timeToFirstToken: 'Time to first token',
  timePerToken: 'Time per token',
  throughput: 'Tokens written',
  promptThroughput: 'Prompt tokens read',
  weights: 'Weights',
  cache: 'KV cache and states',
  workspace: 'Workspace',
  memory: 'Memory of a device',
  largestBatch: 'Largest batch',
};

/** Formula and assumptions, for whoever hovers. */
export const meaningOf = ({ formula, assumptions }: ServingFigureView): string =>
  [`${formula}.`, ...assumptions.map((each) => `${each.charAt(0).toUpperCase()}${each.slice(1)}.`)].join(' ');

export const memoryOf = ({ weightBytes, cacheBytes, activationBytes }: ServingOperatorView): number =>
  weightBytes + cacheBytes + activationBytes;

export const boundWords: Readonly<Record<ServingOperatorView['bound'], string>> = {
  memory: 'memory',
  compute: 'arithmetic',
  network: 'link',
};

/** The formula of its time with its numbers: the longest of arithmetic, memory and link. */
export function timeWords(operator: ServingOperatorView, device: ServingDeviceView): string {
  const terms = [
    `${operations(operator.flops)} at ${significant(device.peak / 1e12)} TFLOP/s`,
    `${bytesWords(memoryOf(operator))} at ${significant(device.bandwidth / 1e9)} GB/s`,
    ...(operator.networkBytes > 0 && device.link !== undefined
      ? [`${bytesWords(operator.networkBytes)} sent at ${significant(device.link / 1e9)} GB/s`]
      : []),
  ];
  return `${duration(operator.seconds)}: the longest of ${terms.join(', ')}`;
}
