/** The text that the model writes on, without and with the changes, side by side, with the settings that made it. */
import { html, nothing, type TemplateResult } from 'lit';
import { button, field, textField } from '../../../ui/controls';
import { count } from '../../../ui/numbers';
import { folded } from '../../../ui/panel-page';
import type { Part } from '../actions';
import { readSampling, samplingWords, type SamplingForm } from '../sampling';
import type { Continuation } from '../trial';
import type { Tried } from './tried';

export function continuations(part: Part, tried: Tried, why: string | undefined): TemplateResult {
  const { state, actions } = part;
  const { trial, changes } = tried;
  const { generation } = trial;
  const running = generation?.running === true;
  const both = generation !== undefined && generation.interventions.length > 0;
  const reading = readSampling(state.view.trying.sampling);
  return html`<div class="continuations">
    <div class="section-head">
      <h3>Continuation${both ? ', plain and changed' : ''}</h3>
      ${
        running
          ? button({
              label: 'Stop',
              icon: 'debug-stop',
              id: 'stop-generation',
              onClick: () => actions.stopGenerating(),
            })
          : button({
              label: changes.length > 0 ? 'Generate both' : 'Generate',
              icon: 'play',
              id: 'generate',
              disabled: why !== undefined || !reading.ok,
              hint: why ?? generateHint(reading),
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
            ${changes.length > 0 ? 'Writes on without and with the changes of the request.' : 'Writes on from the prompt; the grid of the heads follows.'}
          </p>`
    }
  </div>`;
}

const generateHint = (reading: ReturnType<typeof readSampling>): string =>
  reading.ok
    ? `Write on: ${samplingWords(reading.sampling)}; the grid follows each of them`
    : 'Correct how tokens are chosen first';

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

function samplingFields(part: Part): TemplateResult {
  const form = part.state.view.trying.sampling;
  const reading = readSampling(form);
  const problems = reading.ok ? {} : reading.problems;
  const summary = reading.ok ? samplingWords(reading.sampling) : Object.values(problems).join(' ');
  return folded(
    part,
    { name: 'sampling', title: `How tokens are chosen: ${summary}` },
    () =>
      html`<div class="fields sampling">
        ${(Object.keys(names) as (keyof SamplingForm)[]).map((key) => {
          const [name, hint] = names[key];
          return field(
            name,
            textField({
              label: `${name} of the continuation`,
              value: form[key],
              numeric: true,
              hint,
              problem: problems[key],
              onInput: (value) => part.actions.arrangeTrying({ sampling: { ...form, [key]: value } }),
            }),
            hint,
          );
        })}
      </div>`,
  );
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
