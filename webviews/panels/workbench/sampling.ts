/** How a continuation is written, as a person types it: text stays as typed; `readSampling` makes numbers of it. Pure. */
import { significant } from '../../ui/numbers';

export interface SamplingForm {
  readonly maxNewTokens: string;
  readonly temperature: string;
  readonly topP: string;
  readonly seed: string;
}

/** The most likely token each time. */
export const initialSampling: SamplingForm = { maxNewTokens: '40', temperature: '0', topP: '1', seed: '0' };

export interface Sampling {
  readonly maxNewTokens: number;
  /** The logits are divided by it; 0: the most likely token each time. */
  readonly temperature: number;
  /** Tokens are drawn from the most likely ones that together have this probability. */
  readonly topP: number;
  /** Seed of the draws. */
  readonly seed: number;
}

type SamplingProblems = { readonly [Key in keyof SamplingForm]?: string };
export type SamplingReading =
  | { readonly ok: true; readonly sampling: Sampling }
  | { readonly ok: false; readonly problems: SamplingProblems };

const mostTokens = 4096;
const mostTemperature = 100;
const largestSeed = 2 ** 32 - 1;

const whole = (text: string): number => (/^\d+$/.test(text.trim()) ? Number(text) : Number.NaN);
const decimal = (text: string): number => (/^\d*\.?\d+$/.test(text.trim()) ? Number(text) : Number.NaN);

export function readSampling(form: SamplingForm): SamplingReading {
  const sampling = {
    maxNewTokens: whole(form.maxNewTokens),
    temperature: decimal(form.temperature),
    topP: decimal(form.topP),
    seed: whole(form.seed),
  };
  const { maxNewTokens, temperature, topP, seed } = sampling;
  const problems: SamplingProblems = {
    ...(maxNewTokens >= 1 && maxNewTokens <= mostTokens
      ? {}
      : { maxNewTokens: `Tokens are a whole number from 1 to ${mostTokens.toLocaleString('en-US')}.` }),
    ...(temperature <= mostTemperature ? {} : { temperature: `Temperature is a number from 0 to ${mostTemperature}.` }),
    ...(topP > 0 && topP <= 1 ? {} : { topP: 'Top-p is a number above 0, at most 1.' }),
    ...(seed <= largestSeed
      ? {}
      : { seed: `Seed is a whole number from 0 to ${largestSeed.toLocaleString('en-US')}.` }),
  };
  return Object.keys(problems).length > 0 ? { ok: false, problems } : { ok: true, sampling };
}

/** What made a text, in words. */
export function samplingWords({ maxNewTokens, temperature, topP, seed }: Sampling): string {
  const most = `at most ${maxNewTokens.toLocaleString('en-US')} tokens`;
  if (temperature === 0) return `the most likely token each time, ${most}`;
  const nucleus = topP < 1 ? `, top-p ${significant(topP)}` : '';
  return `drawn with temperature ${significant(temperature)}${nucleus}, seed ${seed}, ${most}`;
}
