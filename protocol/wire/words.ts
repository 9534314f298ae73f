/**
 * Each failure as one sentence with a next step, said alike by the extension and the command line.
 */
import { isCapture } from './capture-name';
import { unreachable } from '../unreachable';
import type { Failure } from './failures';
import { printable } from './printable';

/** Printable: details name files, models and tensors. */
export const sentenceOf = (failure: Failure): string => printable(wordsOf(shortened(failure)));

/** A name of a file may fill a page: of a long text its beginning and its end are said. */
const longest = { folder: 300, device: 100, mechanism: 100, part: 100, detail: 600 };

function shortened(failure: Failure): Failure {
  const short = Object.entries(longest).flatMap(([field, most]) => {
    const text: unknown = failure[field as keyof Failure];
    return typeof text === 'string' && text.length > most
      ? [[field, `${text.slice(0, most / 2)} … ${text.slice(-most / 2)}`]]
      : [];
  });
  return short.length === 0 ? failure : ({ ...failure, ...(Object.fromEntries(short) as Partial<Failure>) } as Failure);
}

function wordsOf(failure: Failure): string {
  switch (failure.code) {
    case 'bad-request':
      return `The request is not valid: ${withNextStep(failure.detail, 'Correct it and try again.')}`;
    case 'unsupported':
      return `This is not supported: ${withNextStep(failure.detail, 'Choose another shape, pattern or mechanism.')}`;
    case 'device-unavailable':
      return `The device "${failure.device}" cannot be used: ${ended(failure.detail)} Choose another device; "headscope devices" lists those that work here.`;
    case 'out-of-memory':
      return outOfMemory(failure);
    case 'model-unusable':
      if (isCapture(failure.folder)) return `${failure.folder} cannot be used: ${ended(failure.detail)}`;
      return `The model in ${failure.folder} cannot be run: ${ended(failure.detail)}`;
    case 'kernel-file':
      return ended(failure.detail);
    case 'runtime-failed':
      return `onnxruntime could not do this: ${ended(failure.detail)} Choose another device or a smaller shape; the log has the details.`;
    case 'cancelled':
      return 'Cancelled. There is no result: run it again to get one.';
    case 'compute-restarted':
      return `The compute process ended before it answered: ${ended(failure.detail)} Run it again; a new process starts by itself.`;
    case 'compute-unavailable':
      return `The compute process does not start: ${withNextStep(failure.detail, 'See the log, or set another Node.js for it.')}`;
    case 'internal':
      return `Something went wrong inside Headscope: ${ended(failure.detail)} Run it again; if it stays, report it with the log.`;
    default:
      return unreachable(failure);
  }
}

function outOfMemory(failure: Extract<Failure, { readonly code: 'out-of-memory' }>): string {
  const { mechanism, fittingLength, part, device, halfWeightsFit } = failure;
  const [needed, limit] = [bytesInWords(failure.neededBytes), bytesInWords(failure.limitBytes)];
  if (device !== undefined) {
    const ways = [
      ...(fittingLength ? [`${fittingLength} ${fittingLength === 1 ? 'token fits' : 'tokens fit'}`] : []),
      ...(halfWeightsFit ? ['with float16 weights (headscope.compute.weights, --weights) it fits'] : []),
    ];
    const fits = ways.length > 0 ? `${ways.join('; ')}. Or run` : 'Run';
    return `This needs ${needed} on the device "${device}", which has ${limit}. ${fits} it on the cpu, or correct headscope.compute.deviceMemory (--device-memory) if the device has more.`;
  }
  if (part !== undefined) {
    return `${part} takes ${needed} when it is opened and the memory limit is ${limit}. Raise the limit (headscope.compute.memoryLimit, --memory-limit), or choose a smaller model.`;
  }
  return (
    `This needs ${needed}${mechanism === undefined ? '' : ` for ${mechanism}`} and the limit is ${limit}. ` +
    (fittingLength
      ? `Choose a length of at most ${fittingLength}, or raise the memory limit.`
      : 'Choose fewer heads, a smaller batch or a shorter length, or raise the memory limit.')
  );
}

/** 9 100 000 000 as `9.1 GB` (powers of ten, as operating systems and data sheets count). */
export function bytesInWords(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'];
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}

const ended = (detail: string): string => {
  const text = detail.trim();
  return /[.!?]$/.test(text) ? text : `${text}.`;
};

/** A detail of two sentences ends with its own next step. */
const withNextStep = (detail: string, usual: string): string =>
  /[.!?] \p{Lu}/u.test(detail) ? ended(detail) : `${ended(detail)} ${usual}`;
