/** A button with a menu: arrow keys move, Escape closes and gives the focus back, a click elsewhere closes. */
import { html, LitElement, nothing, type PropertyValues } from 'lit';
import { icon, type IconName } from './icons';
import { properties } from './properties';
import { focusedIn } from './focused';

export interface MenuItem {
  readonly label: string;
  readonly detail?: string;
  readonly icon?: IconName;
  readonly run: () => void;
}

export class MenuButton extends LitElement {
  static override properties = properties(['label', 'icon', 'items', 'disabled', 'iconOnly'], ['open']);
  declare label: string;
  declare icon: IconName;
  declare items: readonly MenuItem[];
  declare disabled: boolean;
  declare iconOnly: boolean;
  declare open: boolean;

  constructor() {
    super();
    this.label = '';
    this.icon = 'export';
    this.items = [];
    this.disabled = false;
    this.iconOnly = false;
    this.open = false;
  }

  /** In the page's own tree: codicons and the panel's styles reach it. */
  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  private readonly closeOutside = (event: Event): void => {
    if (!event.composedPath().includes(this)) this.open = false;
  };

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener('pointerdown', this.closeOutside, true);
  }

  protected override updated(changed: PropertyValues): void {
    if (!changed.has('open')) return;
    if (this.open) {
      document.addEventListener('pointerdown', this.closeOutside, true);
      this.stayInside();
      this.entries()[0]?.focus();
    } else {
      document.removeEventListener('pointerdown', this.closeOutside, true);
    }
  }

  /** The list hangs from the right edge of its button and is moved as far as it would leave the page. */
  private stayInside(): void {
    const list = this.querySelector<HTMLElement>('.menu-list');
    const left = list?.getBoundingClientRect().left ?? 0;
    if (list && left < 4) list.style.setProperty('right', `${left - 4}px`);
  }

  private entries(): HTMLElement[] {
    return [...this.querySelectorAll<HTMLElement>('[role=menuitem]')];
  }

  private close(): void {
    this.open = false;
    this.querySelector<HTMLElement>('.menu-trigger')?.focus();
  }

  private onKey(event: KeyboardEvent): void {
    if (!this.open) {
      if (event.key !== 'ArrowDown') return;
      this.open = true;
      event.preventDefault();
      return;
    }
    const entries = this.entries();
    const at = entries.indexOf(focusedIn(this) as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: entries.length - 1 }[event.key];
    if (to !== undefined) {
      entries.at(to % entries.length)?.focus();
      event.preventDefault();
    } else if (event.key === 'Escape') {
      this.close();
      event.preventDefault();
      event.stopPropagation();
    } else if (event.key === 'Tab') {
      this.open = false;
    }
  }

  override render() {
    return html`<div class="menu" @keydown=${(event: KeyboardEvent) => this.onKey(event)}>
      <button
        type="button"
        class=${this.iconOnly ? 'menu-trigger icon-button' : 'menu-trigger text-button'}
        title=${this.iconOnly ? this.label : nothing}
        aria-label=${this.label}
        aria-haspopup="menu"
        aria-expanded=${this.open}
        ?disabled=${this.disabled}
        @click=${() => (this.open = !this.open)}
      >
        ${icon(this.icon)}${this.iconOnly ? nothing : html`<span>${this.label}</span>${icon('chevron-down')}`}
      </button>
      ${
        this.open
          ? html`<div class="menu-list" role="menu" aria-label=${this.label}>
              ${this.items.map(
                (item) =>
                  html`<button
                    type="button"
                    role="menuitem"
                    tabindex="-1"
                    @click=${() => {
                      this.close();
                      item.run();
                    }}
                  >
                    ${icon(item.icon ?? 'export')}<span>${item.label}</span
                    ><span class="menu-detail">${item.detail ?? ''}</span>
                  </button>`,
              )}
            </div>`
          : nothing
      }
    </div>`;
  }
}

customElements.define('hs-menu', MenuButton);
