/** The settings of a run: what is measured, on which shape, where and for how long. */
import { html, nothing, type TemplateResult } from 'lit';
import type { BenchmarkSetup } from '../../../protocol/results/benchmark-schema';
import type { Identities } from '../../charts/palette';
import { dropdown, field, textField } from '../../ui/controls';
import { deviceField } from '../../ui/device-field';
import { formFields, type Field } from '../../ui/form-fields';
import { count, plural, seconds } from '../../ui/numbers';
import { isCross } from '../../../protocol/results/attention-pattern';
import type { Part } from './actions';
import { patterns, readForm, type Form, type Problems } from './form';
import { parseLengths, presetLengths, toggleLength } from './lengths';
import { mechanismList } from './mechanism-list';
import { measuredMechanisms, whyNot, type State } from './state';

export function controlsStrip(part: Part, identities: Identities): TemplateResult | typeof nothing {
  const { form } = part.state;
  if (!form) return nothing;
  const reading = readForm(form, part.state.mechanisms, part.state.processors);
  const problems: Problems = reading.ok ? {} : reading.problems;
  return html`<div class="controls">
    <section aria-label="Mechanisms">
      <h2>Mechanisms</h2>
      ${mechanismList(part, form, problems, identities)}
      <div class="fields">${baselineField(part, form)}</div>
    </section>
    <section aria-label="Shape">
      <h2>Shape</h2>
      <div class="fields">${shapeFields(part, form, problems)}</div>
    </section>
    <section aria-label="Lengths">
      <h2>Lengths</h2>
      ${lengthFields(part, form, problems)}
    </section>
    <section aria-label="Device and time">
      <h2>Device and time</h2>
      <div class="fields">${deviceFields(part, form, problems)}</div>
      ${reading.ok ? html`<p class="muted estimate">${estimateWords(part.state, reading.plan)}</p>` : nothing}
    </section>
  </div>`;
}

function baselineField({ state, actions }: Part, form: Form): TemplateResult {
  const chosen = state.mechanisms.find(({ id }) => id === form.baseline);
  const why = chosen && whyNot(state, chosen);
  return html`${field(
    'Baseline',
    html`${dropdown({
      label: 'Baseline',
      choices: state.mechanisms.map((mechanism) => {
        const reason = whyNot(state, mechanism);
        return {
          value: mechanism.id,
          label: mechanism.title,
          ...(reason === undefined ? {} : { disabled: mechanism.id !== form.baseline, hint: reason }),
        };
      }),
      value: form.baseline,
      onChange: (baseline) => actions.edit({ baseline }),
    })}
    ${why ? html`<div class="problem" role="alert">${why} Choose another baseline.</div>` : nothing}`,
    'The mechanism the others are compared with; it is measured too.',
  )}`;
}

function shapeFields({ state, actions }: Part, form: Form, problems: Problems): TemplateResult {
  const number = (
    key: 'batch' | 'heads' | 'kvHeads' | 'headDim' | 'valueDim' | 'keys',
    label: string,
    hint: string,
  ): Field<Form> => ({
    kind: 'number',
    key,
    label,
    hint,
    // A number of one's own is no longer the model's.
    ...(key === 'batch' ? {} : { also: { shapeUri: '', origin: '' } }),
  });
  return formFields<Form>({ form, problems, edit: (change) => actions.edit(change) }, [
    {
      kind: 'segments',
      key: 'mode',
      label: 'Mode',
      choices: [
        { value: 'prefill', label: 'Prefill' },
        { value: 'decode', label: 'Decode' },
      ],
      hint: 'Prefill: n queries read n keys. Decode: one new query reads a cache of n keys, or a state of the mechanism’s own.',
    },
    // Decoding is causal self-attention, over a cache as long as the lengths say: there is nothing to choose.
    ...(form.mode === 'decode'
      ? []
      : [
          {
            kind: 'choice',
            key: 'pattern',
            label: 'Pattern',
            choices: patterns,
            hint: 'Which keys a query may read.',
          } as const,
        ]),
    {
      kind: 'own',
      label: 'Shape of',
      control: dropdown({
        label: 'Shape of',
        choices: [
          { value: '', label: 'Typed below' },
          ...state.shapes.map(({ uri, label }) => ({ value: uri, label })),
        ],
        value: form.shapeUri,
        onChange: (uri) => actions.takeShape(uri),
      }),
      hint: 'Take the attention shape of a model config of the workspace.',
    },
    number('batch', 'Batch', 'Sequences in one call.'),
    number('heads', 'Query heads', 'Heads of the queries.'),
    number('kvHeads', 'Key/value heads', 'Heads of keys and values; divides the query heads.'),
    number('headDim', 'Head width', 'Width of a query or key head.'),
    number('valueDim', 'Value width', 'Width of a value head.'),
    ...(form.mode === 'prefill' && isCross(form.pattern)
      ? [number('keys', 'Keys', 'Length of the keys; empty: as long as the queries.')]
      : []),
  ]);
}

function lengthFields({ state, actions }: Part, form: Form, problems: Problems): TemplateResult {
  const parsed = parseLengths(form.lengths);
  const chosen = parsed.ok ? parsed.lengths : [];
  const model = state.shapes.find(({ uri }) => uri === form.shapeUri);
  const context = model?.contextLength;
  const beyond = context === undefined ? [] : chosen.filter((length) => length > context);
  return html`<div class="chips" role="group" aria-label="Usual lengths">
      ${presetLengths.map(
        (length) =>
          html`<button
            type="button"
            class="chip"
            aria-pressed=${chosen.includes(length)}
            @click=${() => actions.edit({ lengths: toggleLength(form.lengths, length) })}
          >
            ${count(length)}
          </button>`,
      )}
    </div>
    ${textField({
      label: 'Lengths in tokens',
      value: form.lengths,
      hint: 'Query lengths in tokens, separated by commas, digits not grouped: 512, 1024, 8k (8 x 1024).',
      problem: problems.lengths,
      onInput: (lengths) => actions.edit({ lengths }),
    })}
    ${
      beyond.length > 0 && context !== undefined
        ? html`<div class="reason">${model?.label} was made for at most ${count(context)} tokens.</div>`
        : nothing
    }`;
}

function deviceFields({ state, actions }: Part, form: Form, problems: Problems): TemplateResult {
  return formFields<Form>({ form, problems, edit: (change) => actions.edit(change) }, [
    {
      kind: 'own',
      label: 'Device',
      control: html`<div>
        ${deviceField({
          found: state.devices,
          asked: state.devicesAsked,
          chosen: form.device,
          onChoose: (id) => actions.edit({ device: id }),
          onTest: () => actions.post({ kind: 'refreshDevices' }),
        })}
      </div>`,
    },
    {
      kind: 'choice',
      key: 'precision',
      label: 'Precision',
      choices: ['float32', 'float16'].map((value) => ({ value, label: value })),
    },
    { kind: 'number', key: 'threads', label: 'Threads', hint: '0: as many as the runtime chooses.' },
    {
      kind: 'number',
      key: 'secondsPerLength',
      label: 'Seconds a length',
      hint: 'Most time spent timing one length, all mechanisms together.',
      more: 'Most time spent timing one length, all mechanisms together, in seconds. It ends sooner when the times have settled.',
    },
    { kind: 'number', key: 'seed', label: 'Seed', hint: 'Seed of the random queries, keys and values.' },
    {
      kind: 'check',
      key: 'measureMemory',
      label: 'Peak memory',
      box: 'Measure',
      name: 'Measure peak memory',
      hint: 'Runs each point once more in a process of its own.',
    },
    ...(form.mode === 'decode'
      ? []
      : [
          {
            kind: 'check',
            key: 'backward',
            label: 'Backward',
            box: 'Time',
            name: 'Time backward passes',
            hint: 'Also times forward passes together with the gradients of query, key and value, proved before.',
          } as const,
        ]),
    ...(form.device === 'cpu'
      ? [
          {
            kind: 'check',
            key: 'caches',
            label: 'Cold caches',
            box: 'Time',
            name: 'Time runs with cold and warm caches',
            hint: 'One run after other data has filled the caches, and the run right after it.',
          } as const,
        ]
      : []),
  ]);
}

/** Timing is an upper bound, since it may settle sooner; the proofs are an estimate by the compute server, once it has answered. */
export function estimateWords({ supports }: Pick<State, 'supports'>, plan: BenchmarkSetup): string {
  const measured = measuredMechanisms(plan);
  const points = plan.shape.lengths.length * measured.length;
  const timing = `${plural(points, 'point')}: at most ${seconds(plan.shape.lengths.length * plan.secondsPerLength)} of timing`;
  const checks = measured.map((id) => supports.find(({ mechanism }) => mechanism === id));
  if (!checks.every((one) => one && (!one.ok || one.checkSeconds !== undefined)))
    return `${timing}, besides checks and warm-up.`;
  const proving = checks.reduce((sum, one) => sum + (one?.checkSeconds ?? 0), 0);
  return `${timing} and about ${seconds(proving)} of checks against float64${plan.backward ? ', those of gradients not counted' : ''}, besides warm-up${plan.measureMemory ? ' and a process for the memory of each point' : ''}.`;
}

/** The strip in one line, for when it is folded. */
export function stripSummary(form: Form | undefined, title: (id: string) => string): string {
  if (!form) return '';
  const parsed = parseLengths(form.lengths);
  const lengths =
    parsed.ok && parsed.lengths.length > 0
      ? parsed.lengths.length === 1
        ? `${count(parsed.lengths[0] ?? 0)} tokens`
        : `${count(parsed.lengths[0] ?? 0)}–${count(parsed.lengths.at(-1) ?? 0)} tokens`
      : 'lengths to be corrected';
  return `${form.mechanisms.map(title).join(', ') || 'no mechanism'} · ${form.mode === 'decode' ? 'decode' : form.pattern} · ${lengths}`;
}
