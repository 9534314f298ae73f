/** One picture under one method: its caption, the answers to the questions about it, and the time of the caption. */
import { greedy, textPart } from '../../shared/captions/caption-run';
import { popeReply } from '../../shared/captions/pope-reply';
import { continued } from '../../model-runner/decoding';
import type { ModelRunner, Prompt } from '../../model-runner/model-runner';
import type { ParameterValues } from '../../../protocol/schema/parts';
import type { Method } from './methods/method';
import type { Answer, DecodingTime, MethodOutput } from './result';

/** Tokens of an answer at most; it ends at its first full stop. */
const answerTokens = 16;

/** Tokens that a method writes before its clock starts: in the first ones of a process graphs are built. */
const untimed = 8;

export interface PictureJob {
  readonly values: ParameterValues;
  /** Reads the caption's prompt. */
  readonly caption: () => Promise<Prompt>;
  /** Read the prompts of the questions. */
  readonly questions: readonly (() => Promise<Prompt>)[];
  readonly tokens: number;
  readonly seed: number;
}

/** As it was written, not judged yet. */
export type Written = Omit<MethodOutput, 'wrong' | 'chairI' | 'recall'>;

export class MethodRun {
  private started = false;

  constructor(
    private readonly model: ModelRunner,
    private readonly method: Method,
    private readonly timed: boolean,
  ) {}

  async picture({ values, caption, questions, tokens, seed }: PictureJob): Promise<Written> {
    const { model, method } = this;
    const prompt = await caption();
    if (this.timed && !this.started) await this.write(prompt, values, Math.min(untimed, tokens), seed);
    this.started = true;
    const { ids, time } = await this.write(prompt, values, tokens, seed);
    const answers: Answer[] = [];
    for (const question of questions) {
      const run = await method.start(model, { prompt: await question(), further: answerTokens, seed }, values);
      const reply = await popeReply(model, { maxNewTokens: answerTokens, readBy: 'text' }, run, undefined);
      answers.push({ text: reply.answer, readAs: reply.readAs, clear: reply.clear });
    }
    return { ...textPart(model, ids), tokens: ids.length, answers, ...(this.timed ? { time } : {}) };
  }

  private async write(
    prompt: Prompt,
    values: ParameterValues,
    further: number,
    seed: number,
  ): Promise<{ readonly ids: readonly number[]; readonly time: DecodingTime }> {
    const { model } = this;
    const start = model.seconds();
    const run = await this.method.start(model, { prompt, further, seed }, values);
    const first = model.seconds();
    const ids: number[] = [];
    for await (const { id } of continued(run, greedy(model, further), model)) ids.push(id);
    const steps = ids.length - 1;
    return {
      ids,
      time: {
        promptMs: 1000 * (first - start),
        tokenMs: steps === 0 ? null : (1000 * (model.seconds() - first)) / steps,
      },
    };
  }
}
