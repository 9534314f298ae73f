/** Interventions in their written form: added, edited with the reason where one cannot be read, and removed. */
import { html, nothing, type TemplateResult } from 'lit';
import { parseDo, printDo } from '../../protocol/interventions/do-form';
import { kindOf, kinds, type Intervention, type KindName } from '../../protocol/interventions/interventions';
import { button, dropdown, textField } from './controls';
import { interventionSlider } from './intervention-slider';
import { others } from './whole-table';

/** What is shown while none is chosen; no kind has that name. */
const adding = 'none';

export interface InterventionsList {
  /** For screen readers. */
  readonly label: string;
  /** As typed. */
  readonly entries: readonly string[];
  /** What can be added. */
  readonly offered: readonly KindName[];
  readonly onChange: (entries: readonly string[]) => void;
  /** A slider was let go: what follows from the entries may be computed again. */
  readonly onSettled?: () => void;
  /** Lets the person choose the file of a vector, which becomes an entry; absent: its path is typed. */
  readonly onChooseVector?: () => void;
  /** Absent: all entries are written out, however many there are. */
  readonly whole?: boolean;
  readonly onWhole?: () => void;
  /** Lets the person choose a cache plan; absent where none can be applied. */
  readonly onApplyPlan?: () => void;
}

/** Entries that are written out before the others are asked for: some interventions come one for each head. */
const mostWritten = 4;
/** Longer forms, such as the plan of a file, are shown in words. */
const longestTyped = 60;

export const interventionsList = ({
  label,
  entries,
  offered,
  onChange,
  onSettled = () => undefined,
  onChooseVector,
  whole = true,
  onWhole = () => undefined,
  onApplyPlan,
}: InterventionsList): TemplateResult => {
  const described = (one: Intervention, at: number): TemplateResult => {
    const kind = kindOf(one);
    const onInput = (next: Intervention): void => onChange(entries.with(at, printDo(next)));
    return html`${kind.slide ? interventionSlider(one, kind.slide, at, onInput, onSettled) : nothing}
      <p class="reason">${kind.sentence(one)}</p>`;
  };
  return html`<div class="interventions-list" role="group" aria-label=${label}>
    ${entries.slice(0, whole ? undefined : mostWritten).map((text, at) => {
      const read = parseDo(text);
      return html`<div class="intervention-row">
          ${
            read.ok && text.length > longestTyped
              ? html`<p class="long-intervention">${kindOf(read.value).words(read.value)}</p>`
              : textField({
                  label: `Intervention ${at + 1}`,
                  value: text,
                  problem: read.ok ? undefined : read.why,
                  onInput: (typed) => onChange(entries.with(at, typed)),
                })
          }
          ${button({
            label: `Remove intervention ${at + 1}`,
            icon: 'close',
            appearance: 'icon',
            onClick: () => onChange(entries.filter((_, other) => other !== at)),
          })}
        </div>
        ${read.ok ? described(read.value, at) : nothing}`;
    })}
    ${whole ? nothing : others(entries.length - mostWritten, 'interventions', onWhole)}
    ${
      offered.length === 0
        ? nothing
        : dropdown({
            label: 'Add an intervention',
            value: adding,
            choices: [
              { value: adding, label: 'Add an intervention…' },
              ...offered.map((name) => ({ value: name, label: kinds[name].name, hint: kinds[name].meaning })),
            ],
            onChange: (name) => {
              if (name === 'add' && onChooseVector) onChooseVector();
              else onChange([...entries, kinds[name as KindName].example]);
              if (!whole && entries.length >= mostWritten) onWhole();
            },
          })
    }
    ${onApplyPlan ? button({ label: 'Apply a Plan…', icon: 'layers', onClick: onApplyPlan }) : nothing}
  </div>`;
};
