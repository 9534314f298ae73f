/** What is asked of the sections on the screen, and the heads that are open in them. */
import type { SectionQuestion } from '../../../protocol/analysis/schema';
import type { FromWorkbench } from '../../../protocol/panels/workbench-schema';
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { Stack } from '../../../protocol/sections/section-base';
import { parseGridKey } from '../../sections/grid-keys';
import type { SectionView } from '../../sections/section-kind';
import { canonical } from '../../ui/canonical';
import { headKey } from '../../ui/head-names';
import { Later } from '../../ui/later';
import type { Asking } from '../../ui/run-panel';
import { attentionSections, firstOpened, hasHead, hasOwnHeads } from './attention';
import { answerKey, followUp, pinned, slotOf, withLive, withOwnLive } from './live-answers';
import { isLook } from './look';
import { sectionsOfOpenTabs, viewKey, viewOf } from './shown';
import { rowsOfHead, type RowsOfHeads } from './rows-of-heads';
import type { Answer, State } from './state';

/** Milliseconds behind the last key. */
const askAfter = 120;
const keepAfter = 300;

export class SectionQuestions {
  private readonly asking: Asking<State, FromWorkbench>;
  private readonly later = new Later<string>();
  /** When the result was made whose first head was opened last. */
  private opened = '';

  constructor(asking: Asking<State, FromWorkbench>) {
    this.asking = asking;
  }

  /** Among the heads of a prompt one is open: the one that was chosen before a reload, else the first. */
  openFirstHead(): void {
    const { result, answers, place, canRun, compareWith } = this.asking.state();
    if (place !== 'full' || !result || canRun !== true || compareWith || this.opened === result.created) return;
    this.opened = result.created;
    const first = answers.some(({ own }) => own) ? undefined : firstOpened(result);
    if (!first) return;
    const chosen = parseGridKey(viewOf(this.asking.state(), first.grid).cursor ?? '');
    const before = chosen && { layer: chosen.row, head: chosen.column };
    // It may have been chosen in another model, whose layers have other heads.
    const head = before && hasHead(result, before, this.stackOf(first.grid)) ? before : first.head;
    this.view(first.grid, { cursor: headKey(head.layer, head.head) });
    this.showAttention(first.grid, head, true);
  }

  /** A head that was named elsewhere. */
  openSelected(): void {
    const { select, result } = this.asking.state();
    if (!select || !result || !isLook(this.asking.state())) return;
    if (select.ids && canonical(select.ids) !== canonical(result.prompts[0]?.ids)) return;
    const section = result.sections.find((one) => hasOwnHeads(one, result.model));
    this.asking.setState({ ...this.asking.state(), select: undefined });
    if (!section || !hasHead(result, select)) return;
    this.view(section.id, { cursor: headKey(select.layer, select.head) });
    this.showAttention(section.id, select, true);
    const { query } = select;
    if (query !== undefined) this.chooseQuery(query);
  }

  /** In the attention that is open and follows the chosen head. */
  private chooseQuery(query: number): void {
    const open = this.asking.state().answers.find(({ own, live }) => own && live);
    if (open?.section) this.view(answerKey(open, open.section), { chosen: [String(query)], cursor: undefined });
  }

  view(key: string, change: Partial<SectionView>): void {
    const state = this.asking.state();
    const open = sectionsOfOpenTabs(state, state.view.sections);
    const sections = { ...open, [viewKey(state, key)]: { ...viewOf(state, key), ...change } };
    this.asking.setState({ ...state, view: { ...state.view, sections } });
    if (change.cursor !== undefined) this.keepChosen(key, change.cursor);
  }

  /** The tab keeps it outside the page. */
  private keepChosen(section: string, cursor: string): void {
    const { place, active: tab, result } = this.asking.state();
    const at = parseGridKey(cursor);
    const isGrid = result?.sections.some(({ id, kind }) => id === section && kind === 'heads');
    if (place !== 'full' || tab === undefined || !isGrid || !at) return;
    const chosen = { section, head: { layer: at.row, head: at.column } };
    this.later.do('chosen', keepAfter, () => this.asking.post({ kind: 'chooseHead', tab, chosen }));
  }

  ask(question: SectionQuestion, atOnce = false): void {
    // The keys have rested: only the place where they stopped is asked about.
    if (atOnce) this.later.do(`ask ${slotOf(question)}`, askAfter, () => this.send(question, true));
    else this.send(question, false);
  }

  private send(question: SectionQuestion, live: boolean): void {
    const { result, answers, canRun, asides } = this.asking.state();
    if (!result || canRun !== true || asides.waiting) return;
    const same = answers.find((one) => !one.own && canonical(one.question) === canonical(question));
    // Asked again, it stands where it stood.
    if (same && same.problem === undefined) return;
    const request = this.asking.nextRequest();
    const message = { request, question, ...(live ? { live: true as const } : {}) };
    this.asking.post(
      question.place.kind === 'variant' ? { kind: 'extend', request, question } : { kind: 'ask', ...message },
    );
    const next = { request, question };
    this.asking.setState({
      ...this.asking.state(),
      answers: live ? withLive(answers, next) : [...answers.filter((one) => one !== same), next],
    });
  }

  /** What is asked of an answer by itself. */
  follow(request: number): void {
    const answer = this.asking.state().answers.find((one) => one.request === request);
    if (!answer?.section) return;
    const question = followUp(answer, viewOf(this.asking.state(), answerKey(answer, answer.section)));
    if (question) this.send(question, true);
  }

  showAttention(section: string, head: HeadPlace, atOnce = false): void {
    const { result, answers } = this.asking.state();
    if (!result) return;
    const question = { section, place: { kind: 'head' as const, ...head } };
    const isOpen = (one: Answer): boolean => one.own === true && canonical(one.question) === canonical(question);
    const open = answers.filter(isOpen);
    if (open.some(({ live }) => !live) || (atOnce && open.length > 0)) return;
    const opened = attentionSections(result, head, this.stackOf(section)).map((matrix): Answer => ({
      request: this.asking.nextRequest(),
      question,
      section: matrix,
      own: true,
    }));
    // One that followed the choice, and is asked for again, stays where it is.
    const stays = answers.map((one) => (open.includes(one) ? pinned(one) : one));
    const added = open.length > 0 ? stays : [...answers, ...opened];
    this.asking.setState({ ...this.asking.state(), answers: atOnce ? withOwnLive(answers, opened) : added });
  }

  /** The rows of a head, which the result holds; what is looked for in all rows is looked for in them. */
  showRows(rows: RowsOfHeads, head: HeadPlace): void {
    const { answers } = this.asking.state();
    const section = rowsOfHead(rows, head);
    const question = { section: rows.grid.id, place: { kind: 'head' as const, ...head } };
    const shown = answers.find((one) => one.own && one.section?.id === section.id);
    const answer = shown ?? { request: this.asking.nextRequest(), question, section, own: true as const };
    if (!shown) this.asking.setState({ ...this.asking.state(), answers: [...answers, answer] });
    this.view(answerKey(answer, section), { find: viewOf(this.asking.state(), rows.table.id).find });
  }

  private stackOf(section: string): Stack | undefined {
    const grid = this.asking.state().result?.sections.find(({ id }) => id === section);
    return grid?.kind === 'heads' ? grid.stack : undefined;
  }

  drop(request: number): void {
    const dropped = this.asking.state().answers.find((one) => one.request === request);
    if (dropped?.question.place.kind === 'variant' && dropped.problem === undefined)
      this.asking.post({ kind: 'stopExtending', request });
    this.asking.setState({
      ...this.asking.state(),
      answers: this.asking.state().answers.filter((one) => one.request !== request),
    });
  }
}
