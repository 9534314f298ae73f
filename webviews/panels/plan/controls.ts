/** The brush and the budget, beside the map. */
import { html, nothing, type TemplateResult } from 'lit';
import { planClasses, planClassNames, type PlanClass } from '../../../protocol/plans/plan-words';
import { button, checkbox, dropdown, field, segments, textField } from '../../ui/controls';
import { bytes, count, percent } from '../../ui/numbers';
import { slider } from '../../ui/text-area';
import { brushOf, readBrush, type Brush, type BrushField } from './brush';
import type { PlanPage } from './part';
import { bytesAt } from './sections';
import { placesIn, selectionWords } from './selection';
import { headsOf, lengthOf, longestLength, shownShare, typedLength, whyNoBudget, type BudgetBy } from './state';

export function brushForm({ state, actions }: PlanPage): TemplateResult {
  const { brush, paints, selection, opened } = state;
  const read = readBrush(brush);
  const problems = read.ok ? {} : read.problems;
  const heads = headsOf(state);
  const counts = heads.map((layer) => layer.length);
  const places = selection ? placesIn(selection, counts) : [];
  const [first] = places;
  const chosen = first && heads[first.layer]?.[first.head];
  const change = (more: Partial<Brush>): void => actions.arrange({ brush: { ...brush, ...more } });
  const number = (name: string, key: BrushField, hint: string, placeholder = ''): TemplateResult =>
    field(
      name,
      textField({
        label: name,
        value: brush[key],
        numeric: key !== 'positions',
        problem: problems[key],
        placeholder,
        onInput: (text) => change({ [key]: text }),
      }),
      hint,
    );
  // Positions of one prompt are chosen by an analysis: they are painted only in a plan that is for one.
  const offered = planClassNames.filter((name) => name !== 'kept' || opened?.result?.prompt !== undefined);
  return html`<section aria-label="Brush" class="plan-brush">
    <h2>Brush</h2>
    <div class="fields">
      ${field(
        'Keeps',
        dropdown({
          label: 'What painted heads keep',
          value: brush.kind,
          choices: offered.map((name) => ({
            value: name,
            label: planClasses[name].title,
            hint: planClasses[name].definition,
          })),
          onChange: (kind) => change({ kind: kind as PlanClass }),
        }),
      )}
      ${
        brush.kind === 'recent' || brush.kind === 'mean'
          ? html`${number('Sinks', 'sinks', 'The first positions of the text, which are always kept.')}
            ${number('Recents', 'recent', 'The newest positions before the query.')}
            ${number('or share of prompt', 'share', 'From 0 to 1: as many recents, where that is more. Empty: none.', 'none')}`
          : nothing
      }
      ${
        brush.kind === 'span'
          ? html`${number('Alpha', 'alpha', 'The span is alpha + beta n positions at a prompt of n tokens.')}
            ${number('Beta', 'beta', 'From 0 to 1.')}
            ${number('Sinks', 'sinks', 'The first positions of the text, counted into the span.')}`
          : nothing
      }
      ${brush.kind === 'kept' ? number('Positions', 'positions', 'Positions of the prompt, such as 0-3,9.') : nothing}
    </div>
    ${
      brush.kind === 'recent' || brush.kind === 'mean'
        ? checkbox({
            label: 'Keep all that follows the prompt',
            checked: brush.append,
            hint: 'Else what is written pushes the oldest recent positions out.',
            onChange: (append) => change({ append }),
          })
        : nothing
    }
    <p class="reason">${planClasses[brush.kind].definition}</p>
    <div class="plan-tools">
      ${segments({
        label: 'The pointer',
        choices: [
          { value: 'select', label: 'Select' },
          { value: 'paint', label: 'Paint' },
        ],
        value: paints ? 'paint' : 'select',
        onChange: (mode) => actions.arrange({ paints: mode === 'paint' }),
      })}
      ${button({
        label: places.length > 1 ? `Paint ${places.length} Heads` : 'Paint Head',
        id: 'paint',
        appearance: 'primary',
        disabled: places.length === 0 || !read.ok,
        hint: 'Enter',
        onClick: () => selection && actions.paint(selection),
      })}
      ${button({
        label: 'Copy to Brush',
        disabled: chosen === undefined,
        hint: 'The brush becomes what the chosen head keeps.',
        onClick: () => chosen && actions.arrange({ brush: brushOf(chosen, brush) }),
      })}
    </div>
    <p class="reason" id="selection">
      ${
        selection
          ? `Selected: ${selectionWords(selection, counts)}.`
          : 'Drag over heads, or click a layer or a column at its label.'
      }
    </p>
  </section>`;
}

export function budgetForm(page: PlanPage): TemplateResult {
  const { state, actions } = page;
  const plan = state.opened?.result;
  const length = lengthOf(state);
  const share = shownShare(state);
  const why = whyNoBudget(state);
  const total = plan && length !== undefined ? bytesAt(plan, headsOf(state), length) : undefined;
  const hasScores = plan?.origin.scores !== undefined;
  return html`<section aria-label="Budget" class="plan-budget">
    <h2>Budget</h2>
    <div class="fields">
      ${field(
        'Length',
        textField({
          label: 'Length in tokens',
          value: typedLength(state),
          numeric: true,
          problem: length === undefined ? `Type a whole number from 1 to ${count(longestLength)}.` : undefined,
          onInput: (text) => actions.arrange({ length: text }),
        }),
        'Positions that the caches are counted at, in tokens; the prompt is as long.',
      )}
    </div>
    ${
      hasScores
        ? segments<BudgetBy>({
            label: 'What the budget changes',
            choices: [
              { value: 'recents', label: 'Recents' },
              { value: 'scores', label: 'Heads by score' },
            ],
            value: state.by,
            onChange: (by) => actions.arrange({ by }),
          })
        : nothing
    }
    ${slider({
      id: 'budget',
      label: 'Share of the full cache',
      value: 100 * (state.asked ?? share ?? 1),
      min: 0,
      max: 100,
      step: 0.5,
      disabled: why !== undefined,
      valueText: share === undefined ? 'unknown' : percent(share),
      onInput: (value) => actions.preview(value / 100),
      onChange: (value) => actions.budget(value / 100),
    })}
    <p id="share">
      ${
        total && share !== undefined
          ? html`<strong>${percent(share)}</strong> of the full cache: ${bytes(total.plan)} of ${bytes(total.full)}`
          : nothing
      }
    </p>
    <p class="reason">
      ${
        why ??
        (state.by === 'recents'
          ? 'Gives all heads of sinks and recents the same number of recents, the largest that fits; other heads stay as they are.'
          : 'The heads of the lowest scores take the brush, as few as needed; all others keep everything.')
      }
    </p>
  </section>`;
}
