/** Sections under each other, each with what was asked of it. */
import { html, nothing, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { HeadsSection } from '../../../protocol/sections/heads';
import type { Section } from '../../../protocol/sections/section';
import type { TableSection } from '../../../protocol/sections/table';
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { SectionQuestion } from '../../../protocol/analysis/schema';
import { looksOf, withLooks } from '../../sections/page-looks';
import { remembered } from '../../sections/remembered';
import { lookedTokens } from '../../sections/looked-tokens';
import type { SectionActions, SectionPart } from '../../sections/section-kind';
import { sectionView } from '../../sections/section-view';
import { button, progressRing } from '../../ui/controls';
import { plural } from '../../ui/numbers';
import type { Part } from './actions';
import { hasAttention, hasShape } from './attention';
import { answerKey, isAskable, placeOfAnswer, questionOfAnswer } from './live-answers';
import type { Answer, State } from './state';
import { headGain } from './try/head-gain';
import { headNumbers } from './try/head-numbers';
import { triedHeads } from './try/tried-heads';
import { triedOf, whyNotTried, type Tried } from './try/tried';
import { tryOut } from './try/try';
import { pageSections, shownSections, viewOf } from './shown';
import { headKey } from '../../ui/head-names';
import { isSearched, rowsOfHeads, withFound, type RowsOfHeads } from './rows-of-heads';
import { reinforcement } from './try/reinforcement';

/** `prefix` keeps the views of sections apart that come from different results. Only those of the result itself are asked. */
export function sectionsOf(part: Part, sections: readonly Section[], prefix = ''): TemplateResult {
  const canAsk = prefix === '' && canBeAsked(part);
  const tried = prefix === '' ? usable(part) : undefined;
  // Below the first grid of heads, where one is opened; where there is none, at the end.
  const grid = prefix === '' ? sections.find((section) => isOwnGrid(part, section)) : undefined;
  return html`${repeat(
    sections,
    // What one tab has drawn is not another's.
    ({ id }) => `${part.state.active ?? ''} ${id}`,
    (section) =>
      html`${oneSection(
        part,
        canAsk || (prefix === '' && answersByRows(section)) ? section : withoutQuestion(section),
        `${prefix}${section.id}`,
        prefix === '' ? html`${actionsBeside(part, section)} ${answersOf(part, section.id)}` : nothing,
        canAsk,
        tried ? { tried } : {},
      )}
      ${section === grid ? tryOut(part) : nothing}`,
  )}
  ${prefix === '' && !grid ? tryOut(part) : nothing}`;
}

/** What changes are tried on, where they can be. */
function usable({ state }: Part): Tried | undefined {
  const tried = triedOf(state);
  return tried && whyNotTried(state, tried) === undefined ? tried : undefined;
}

/** Heads whose attention on the prompt of the result can be looked at. */
const isGrid = ({ state: { result } }: Part, section: Section): section is HeadsSection =>
  result !== undefined && hasAttention(result) && hasShape(section, result.model);

/** Those of them that changes are tried on. */
const isOwnGrid = (part: Part, section: Section): section is HeadsSection =>
  isGrid(part, section) && section.stack === undefined;

/** What explains a weight reads one text, and an encoder-decoder reads two. */
const hasExplanation = ({ state: { result } }: Part): boolean => result?.model.source === undefined;

/** What can be made of a section beside looking into it. */
const actionsBeside = (part: Part, section: Section): TemplateResult | typeof nothing =>
  section.kind === 'tokens' && section.variants ? reinforcement(part, section) : nothing;

/** Once for all sections of a drawing. */
const looksOfPage = remembered((state: State) => looksOf(pageSections(state)));

/** The rows of a head are in the result: no model is needed. */
const answersByRows = (section: Section): boolean => section.kind === 'heads' && section.rows?.complete === true;

const canBeAsked = ({ state }: Part): boolean =>
  state.result !== undefined && state.canRun === true && !state.asides.waiting;

const asked = new WeakMap<Section, Section>();

/** The same section each time, so that its picture is not drawn anew. */
function withoutQuestion(section: Section): Section {
  if (section.ask === undefined) return section;
  const known = asked.get(section);
  if (known) return known;
  const { ask: _ask, ...rest } = section;
  asked.set(section, rest);
  return rest;
}

interface Uses {
  /** What changes are tried on. */
  readonly tried?: Tried;
  /** Absent: the section itself is asked. */
  readonly asks?: SectionActions['ask'];
}

function oneSection(
  part: Part,
  section: Section,
  key: string,
  answers: TemplateResult | typeof nothing,
  canAsk: boolean,
  { tried, asks = (place, atOnce) => ask(part, section, place, atOnce) }: Uses = {},
) {
  const { state, actions, dark, compact } = part;
  const view = viewOf(state, key);
  const rows = linked(state, section, key);
  const find = rows ? (viewOf(state, rows.table.id).find ?? '') : '';
  const drawn = tried && isOwnGrid(part, section) ? triedHeads(section, tried) : section;
  return sectionView(
    {
      section: withLooks(
        rows && drawn.kind === 'heads' && find.trim() !== '' ? withFound(drawn, rows.table, find) : drawn,
        looksOfPage(state),
      ),
      ...(rows && section.kind === 'heads' && isSearched(rows)
        ? { rows: { table: rows.table, find, onFind: (text) => actions.findRows(rows, text) } }
        : {}),
      view,
      dark,
      compact,
      loaded: state.pictures,
      ...lookedAt(state),
      actions: {
        point: (tokens) => actions.point(tokens),
        view: (change) => {
          if (rows?.table === section && 'find' in change) actions.findRows(rows, change.find ?? '');
          else actions.viewSection(key, change);
        },
        ...(rows ? { chooseHead: (head) => choose(part, rows, head) } : {}),
        ask: asks,
        ...(canAsk ? { head: actions.supply } : {}),
        ...(canAsk && hasExplanation(part) ? { explain: (cell) => actions.explainWeight(cell) } : {}),
        ...(canAsk && isGrid(part, section)
          ? {
              attention: (head: HeadPlace, atOnce?: boolean) => actions.showAttention(section.id, head, atOnce),
            }
          : {}),
        ...(tried && isOwnGrid(part, section) ? { toggle: (head: HeadPlace) => actions.toggleHead(head) } : {}),
        redraw: () => actions.redrawn(),
        copy: (text, what) => actions.copy(text, what),
        ...(section.kind === 'graph' && state.result?.sections.some(({ id }) => id === section.id)
          ? { saveCircuit: () => actions.post({ kind: 'saveCircuit', section: section.id }) }
          : {}),
        save: (format) => actions.saveSection(section, view, format),
      },
    },
    answers,
  );
}

/** Of the sections of the result itself. */
const linked = (state: State, section: Section, key: string): RowsOfHeads | undefined =>
  key === section.id ? rowsOfHeads(section, shownSections(state)) : undefined;

function choose({ actions }: Part, rows: RowsOfHeads, head: HeadPlace): void {
  actions.viewSection(rows.grid.id, { cursor: headKey(head.layer, head.head) });
  actions.showRows(rows, head);
  document.querySelector(`[data-section="${CSS.escape(rows.grid.id)}"]`)?.scrollIntoView({ block: 'nearest' });
}

/** Tokens of source and target that are looked at. */
function lookedAt(state: State): Pick<SectionPart, 'looked'> {
  const looked = lookedTokens(shownSections(state), (id) => viewOf(state, id).cursor, state.pointed ?? {});
  return looked ? { looked } : {};
}

function ask({ state, actions }: Part, section: Section, place: SectionQuestion['place'], atOnce?: boolean): void {
  const rows = answersByRows(section) ? rowsOfHeads(section, shownSections(state)) : undefined;
  if (rows && place.kind === 'head') return actions.showRows(rows, { layer: place.layer, head: place.head });
  if (opensTexts(section) && place.kind === 'row') return actions.openText(section, place.row);
  const name = section.opensPictures ? pictureAt(section, place) : undefined;
  if (name === undefined) actions.askSection({ section: section.id, place }, atOnce);
  else actions.openPicture(name);
}

const opensTexts = (section: Section): section is TableSection =>
  section.kind === 'table' && section.opensTexts === true;

/** The name of the picture that a row or an item is about. */
function pictureAt(section: Section, place: SectionQuestion['place']): string | undefined {
  if (place.kind !== 'row') return undefined;
  if (section.kind === 'generations') return section.items[place.row]?.title;
  const cell = section.kind === 'table' ? section.rows[place.row]?.[0] : undefined;
  return typeof cell === 'string' ? cell : undefined;
}

function answersOf(part: Part, id: string): TemplateResult | typeof nothing {
  const answers = part.state.answers.filter(({ question }) => question.section === id);
  if (answers.length === 0) return nothing;
  return html`<div class="answers ${answers.every(({ live }) => live) ? 'live' : ''}">
    ${repeat(answers, placeOfAnswer, (answer) => oneAnswer(part, answer))}
  </div>`;
}

function oneAnswer(part: Part, answer: Answer): TemplateResult {
  const { section, problem, question, request, own, isOld } = answer;
  const head = own && section?.kind === 'matrix' && (section.prompt ?? 0) === 0 ? section.of : undefined;
  const stack = section?.kind === 'matrix' ? section.stack : undefined;
  const tried = head && stack === undefined ? usable(part) : undefined;
  const canAsk = canBeAsked(part);
  return html`<div class="answer" data-request=${request} aria-busy=${isOld ? 'true' : nothing}>
    ${button({
      label: 'Close this answer',
      icon: 'close',
      appearance: 'icon',
      onClick: () => part.actions.dropAnswer(request),
    })}
    ${tried && head ? headGain(part, tried, head) : nothing}
    ${
      section && problem === undefined
        ? oneSection(
            part,
            canAsk && (opensTexts(section) || isAskable(answer)) ? section : withoutQuestion(section),
            answerKey(answer, section),
            nothing,
            canAsk,
            {
              // Questions about the section that this answer belongs to.
              asks: (place, atOnce) => {
                if (opensTexts(section)) return ask(part, section, place);
                const next = questionOfAnswer(answer, place);
                if (next) part.actions.askSection(next, atOnce);
              },
            },
          )
        : problem === undefined
          ? html`<p class="waiting">
                ${progressRing()}<span>${answer.going?.sentence ?? `Asking about ${placeWords(question.place)}`}</span>
              </p>
              ${soFar(part, answer).map((known) =>
                oneSection(part, withoutQuestion(known), `going ${known.id}`, nothing, false),
              )}`
          : html`<p class="problem" role="alert">${problem}</p>`
    }
    ${head && part.state.result ? headNumbers(part.state.result, question.section, head, stack) : nothing}
  </div>`;
}

/** What is known by then of a part of the result that is being made: texts that the result does not have yet. */
const soFar = ({ state: { result } }: Part, { going }: Answer): readonly Section[] =>
  (going?.sections ?? []).filter(
    (section) => section.kind === 'tokens' && result?.sections.every(({ id }) => id !== section.id) === true,
  );

function placeWords(place: SectionQuestion['place']): string {
  switch (place.kind) {
    case 'heads': {
      const { heads, token } = place;
      return `${plural(heads.length, 'head')}${token === undefined ? '' : ` at token ${token}`}`;
    }
    case 'head':
      return `layer ${place.layer}, head ${place.head}`;
    case 'variant':
      return 'scaled heads';
    case 'token':
      return `token ${place.token}`;
    case 'row':
      return `row ${place.row + 1}`;
    case 'cell':
      return `row ${place.row}, column ${place.column}`;
    case 'node':
      return place.id;
    case 'edge':
      return `${place.from} → ${place.to}`;
  }
}
