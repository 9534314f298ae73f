/**
 * A press of kvpress (github.com/NVIDIA/kvpress, 0.4 and later): a Python file that gives its `DuoAttentionPress` the heads and sizes of a
 * plan instead of those of the published patterns (`__post_init_from_model__` sets `sink_size`, `recent_size` and `streaming_mask`, a row
 * a layer, a column a key/value head). The press reads the prompt in full and masks what streaming heads drop of it afterwards; what is
 * written later is kept.
 */
import type { Checked } from '../../schema/check';
import type { Plan } from '../plan-file';
import { streamOf, type PlanFormat } from './format';

/** A list of lists in Python, a row a line. */
const rows = (streams: readonly (readonly (0 | 1)[])[]): string =>
  `[\n${streams.map((row) => `    [${row.join(', ')}],\n`).join('')}]`;

function writePress(plan: Plan): Checked<string> {
  const read = streamOf(plan, 'A DuoAttentionPress of kvpress has', { appended: true });
  if (!read.ok) return read;
  const stream = read.result;
  // A slice up to -0 is empty in Python: nothing would be dropped.
  if (stream?.recent === 0)
    return { ok: false, why: 'A DuoAttentionPress of kvpress cannot keep 0 recent positions. Export a table instead.' };
  const streams = plan.heads.map((row) => row.map(({ kind }) => (kind === 'full' ? 0 : 1)));
  const all = streams.flat();
  const share = all.filter((each) => each === 1).length / all.length;
  // As JSON, for a title may hold line breaks.
  const [title, model] = [plan.title, plan.model.name].map((text) => JSON.stringify(text));
  const text = `# Cache plan ${title} of ${model}, for kvpress: with press(model): ...
import torch
from kvpress import DuoAttentionPress

# A row for each layer, a column for each key/value head: 1 keeps first and recent positions only.
STREAMING = ${rows(streams)}


class PlanPress(DuoAttentionPress):
    def __post_init_from_model__(self, model):
        self.sink_size, self.recent_size = ${stream?.sinks ?? 0}, ${stream?.recent ?? 1}
        self.streaming_mask = torch.tensor(STREAMING, dtype=torch.bool, device=model.device)


press = PlanPress(head_compression_ratio=${share})
`;
  return { ok: true, result: text };
}

export const kvpress: PlanFormat = {
  id: 'kvpress',
  title: 'Press of kvpress (Python)',
  extension: '.py',
  export: writePress,
};
