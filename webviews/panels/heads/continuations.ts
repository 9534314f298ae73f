/** The text that the model writes on, without and with the interventions, side by side, with the settings that made it. */
import { html, nothing, type TemplateResult } from 'lit';
import { button, disclosure, field, textField } from '../../ui/controls';
import { isOpen } from '../../ui/disclosures';
import { count } from '../../ui/numbers';
import type { Part } from './actions';
import { interventionsOf } from './form';
import { readSampling, samplingWords, type SamplingForm } from './sampling';
import type { Continuation } from './state';

export function continuations(part: Part): TemplateResult {
  const { state, actions } = part;
  const { generation } = state;
  const changes = state.form ? interventionsOf(state.form) : [];
  const running = generation?.running === true;
  const both = generation !== undefined && generation.interventions.length > 0;
  const reading = readSampling(state.view.sampling);
  return html`<div class="continuations">
    <div class="section-head">
      <h3>Continuation${both ? ', plain and changed' : ''}</h3>
      ${
        running
          ? button({ label: 'Stop', icon: 'debug-stop', id: 'stop-generation', onClick: () => actions.cancel() })
          : button({
              label: changes.length > 0 ? 'Generate both' : 'Generate',
              icon: 'play',
              id: 'generate',
              disabled: state.canRun !== true || state.phase.kind === 'running' || !reading.ok,
              hint: reading.ok
                ? `Write on: ${samplingWords(reading.sampling)}; the grid follows each of them`
                : 'Correct how tokens are chosen first',
              onClick: () => actions.generate(),
            })
      }
    </div>
    ${samplingFields(part)}
    ${generation?.problem ? html`<p class="problem" role="alert">${generation.problem}</p>` : nothing}
    ${
      generation
        ? html`<p class="reason" id="generated-with">Written: ${samplingWords(generation.sampling)}.</p>
            <div class="texts ${both ? 'two' : ''}">
              ${continuation('plain', generation.plain, running)}
              ${both ? continuation('changed', generation.changed, running, generation.plain?.text) : nothing}
            </div>`
        : html`<p class="reason">
            ${changes.length > 0 ? 'Writes on without and with the interventions above.' : 'Writes on from the prompt; the grid follows.'}
          </p>`
    }
  </div>`;
}

const names: Readonly<Record<keyof SamplingForm, readonly [name: string, hint: string]>> = {
  maxNewTokens: [
    'Tokens',
    'Most tokens that are written; the text ends sooner at a stop token or the end of the context.',
  ],
  temperature: [
    'Temperature',
    '0: the most likely token each time. Above: tokens are drawn, the logits divided by it.',
  ],
  topP: ['Top-p', 'Draws from the most likely tokens that together have this probability; 1 draws from all.'],
  seed: ['Seed', 'Seed of the draws; the same for the plain and the changed text.'],
};

function samplingFields({ state, actions }: Part): TemplateResult {
  const form = state.view.sampling;
  const reading = readSampling(form);
  const problems = reading.ok ? {} : reading.problems;
  const open = isOpen(state, 'sampling', false);
  const summary = reading.ok ? samplingWords(reading.sampling) : Object.values(problems).join(' ');
  return disclosure({
    title: html`How tokens are chosen${open ? nothing : html`<span class="muted summary">${summary}</span>`}`,
    open,
    id: 'sampling',
    onToggle: (now) => actions.toggle('sampling', now),
    body: () =>
      html`<div class="fields sampling">
        ${(Object.keys(names) as (keyof SamplingForm)[]).map((key) => {
          const [name, hint] = names[key];
          const problem = problems[key];
          return field(
            name,
            textField({
              label: `${name} of the continuation`,
              value: form[key],
              numeric: true,
              hint,
              ...(problem === undefined ? {} : { problem }),
              onInput: (value) => actions.view({ sampling: { ...form, [key]: value } }),
            }),
            hint,
          );
        })}
      </div>`,
  });
}

function continuation(
  name: 'plain' | 'changed',
  one: Continuation | undefined,
  running: boolean,
  plain?: string,
): TemplateResult {
  const text = one?.text ?? '';
  const same = plain === undefined ? text.length : commonLength(text, plain);
  const state =
    one === undefined ? (running ? 'waiting' : '–') : `${count(one.tokens)} tokens${one.done || !running ? '' : ' …'}`;
  return html`<div class="text" data-variant=${name}>
    <h3>${name} <span class="muted">${state}</span></h3>
    <pre>${text.slice(0, same)}<mark>${text.slice(same)}</mark></pre>
  </div>`;
}

function commonLength(a: string, b: string): number {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at += 1;
  return at;
}
