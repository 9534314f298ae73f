/** Narrower than this, everything stands in one column with the pictures first. */
const compactWidth = 480;
/** From this width on, the settings stand beside the pictures (960 without the padding, as in `panel-styles.ts`). */
const besideWidth = 1000;

/** How a panel stands at its present width; calls back when that is another way than before. */
export class Arrangement {
  compact = false;
  beside = false;

  constructor(
    private readonly root: HTMLElement,
    private readonly inSideBar: boolean,
    onChange: () => void,
  ) {
    this.measure();
    new ResizeObserver(() => {
      if (this.measure()) onChange();
    }).observe(root);
  }

  private measure(): boolean {
    const width = this.root.clientWidth;
    const compact = this.inSideBar || width < compactWidth;
    const beside = !compact && width >= besideWidth;
    const changed = compact !== this.compact || beside !== this.beside;
    this.compact = compact;
    this.beside = beside;
    return changed;
  }
}
