/** The analysis `task-kv`: which heads of a layer say something else on this prompt, and a cache plan that keeps theirs whole. */
import type { Analysis } from '../../analysis';
import { groupBytes, layerGroups } from '../../shared/maps/layer-groups';
import { finding, offers } from './finding';
import { tapBytes } from './look';
import { lookCloser } from './look-closer';
import { fitted, parameters, type TaskKvParameters } from './parameters';
import { taskKvResult, type TaskKvResult } from './result';
import { run } from './run';
import { sections } from './sections';

export const taskKv: Analysis<TaskKvParameters, TaskKvResult> = {
  id: 'task-kv',
  title: 'Task-KV',
  question: 'Which key/value heads say something else than the others, and what must the rest keep of this prompt?',
  group: 'plans',
  source: {
    reference: 'He et al. 2025, arXiv:2501.15113, sections III and IV',
    trust: 'medium',
    note: 'There is no published code. Chosen here: Euclidean distances; half is rounded up in f; the nearest head counts among the f; query heads of a group are averaged; top keys by unpooled scores. Sinks and recents shrink on short prompts (fit).',
  },
  inputs: ['prompt', 'task'],
  usualTask: { task: 'key-value', samples: 8 },
  parameters,
  result: taskKvResult,
  everyLayer: true,
  supports: ({ predicts, blocks }) =>
    predicts && blocks.every(({ causal }) => causal)
      ? { ok: true }
      : {
          ok: false,
          why: 'The model predicts no next token, so that it keeps no cache. Choose a model with a language head.',
        },
  estimate(facts, { prompts: [prompt], task }, given) {
    const each = prompt ? [prompt] : (task?.samples ?? []).map((sample) => sample.prompt);
    const longest = Math.max(0, ...each.map(({ ids }) => ids.length));
    const { window } = fitted(given, longest);
    const taps = tapBytes(facts, longest, window);
    const groups = layerGroups(taps).length;
    const others = given.tasks.split(',').filter((id) => id.trim() !== '').length;
    const looks = (groups + 1) * each.length * (1 + others);
    const effects = prompt ? 2 + (2 * facts.blocks.length * Math.min(1, given.keepOnly)) / 2 : 0;
    return {
      passes: Math.ceil(looks + effects),
      bytes: groupBytes(taps) + 2 * 4 * given.tokens * facts.summary.vocabulary,
    };
  },
  run,
  ask: lookCloser,
  finding,
  sections,
  offers,
};
