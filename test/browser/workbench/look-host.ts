/** The extension's side of Look: it answers a look with a planted result at once, and says how long it would take. */
import type { AnalysisInfo } from '../../../protocol/analysis/analysis';
import type { AnalysisResult } from '../../../protocol/analysis/schema';
import type { FromWorkbench } from '../../../protocol/panels/workbench-schema';
import type { ToWorkbench } from '../../../protocol/panels/workbench';
import { canonical } from '../../../webviews/ui/canonical';
import { headsStory } from './stories';
import { openMessage, pair, plan, result, tabOf } from './workbench-host';

const labels = { kind: 'boolean', title: 'Labels', description: 'Null models too.', default: true } as const;
export const heads: AnalysisInfo = {
  ...pair,
  id: 'heads',
  title: 'Heads on a prompt',
  inputs: ['prompt'],
  parameters: { labels },
};
const input = { kind: 'prompt', prompt: { kind: 'text', text: 'The cat sat' } } as const;
export const setup = { ...plan, analysis: 'heads', input, parameters: {}, interventions: [] };
const { ask: _, ...grid } = headsStory();
type Look = Extract<FromWorkbench, { kind: 'lookByItself' }>['plan'];

export const madeOf = (
  { input: read, parameters }: Pick<Look, 'input' | 'parameters'>,
  minute: number,
): AnalysisResult => ({
  ...result,
  analysis: 'heads',
  title: 'Heads on a prompt',
  input: read,
  prompts: [{ text: 'The cat', ids: [1, 2], tokens: ['The', ' cat'] }],
  parameters,
  interventions: [],
  finding: `Finding ${minute}.`,
  sections: [grid],
  created: `2026-11-24T10:0${minute}:00.000Z`,
});

/** The extension's side: a look takes so many seconds, without labels so many. */
export class LookHost {
  readonly looked: Look[] = [];
  readonly runs: string[] = [];
  private shown: Partial<AnalysisResult> = {};

  constructor(
    private readonly seconds: number,
    private readonly brief = seconds,
  ) {}

  readonly answer = (message: FromWorkbench): readonly ToWorkbench[] => {
    const { kind } = message;
    if (kind === 'ready')
      return [openMessage({ analyses: [heads, pair], plan: setup, tabs: { tabs: [] }, asks: 'look' })];
    if (kind === 'estimate') {
      const time = message.plan.parameters['labels'] === false ? this.brief : this.seconds;
      return [{ kind: 'estimate', request: message.request, estimate: { supported: true, seconds: time } }];
    }
    if (kind === 'lookByItself') {
      this.looked.push(message.plan);
      return this.made(message.plan, true);
    }
    if (kind !== 'run') return [];
    this.runs.push(canonical(message.plan));
    return message.look ? this.made(message.plan, false) : [];
  };

  /** What is shown from now on of a model. */
  show(change: Partial<AnalysisResult>): void {
    this.shown = change;
  }

  private made(of: Look, byItself: boolean): readonly ToWorkbench[] {
    const made = { ...madeOf(of, this.looked.length + this.runs.length), ...this.shown };
    const mark = byItself ? { byItself: true as const } : {};
    const tab = tabOf(made, { look: true, run: 1, ...mark });
    return [
      { kind: 'tabs', tabs: [tab], active: 't1' },
      { kind: 'looks', tab: 't1', ...mark },
      { kind: 'result', result: made, run: 1 },
    ];
  }
}
