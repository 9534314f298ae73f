/**
 * The one file that registers the component toolkit's elements. The toolkit is deprecated upstream (sunset in January
 * 2025, last version 1.4.0): the panels use the templates of `controls.ts`, so replacing it is a change of these two files.
 */
import { forgetNonce } from './nonce';
import {
  provideVSCodeDesignSystem,
  vsCodeBadge,
  vsCodeButton,
  vsCodeCheckbox,
  vsCodeDropdown,
  vsCodeOption,
  vsCodeProgressRing,
  vsCodeTextField,
} from '@vscode/webview-ui-toolkit';

let registered = false;

export function registerControls(): void {
  if (registered) return;
  registered = true;
  provideVSCodeDesignSystem().register(
    vsCodeBadge(),
    vsCodeButton(),
    vsCodeCheckbox(),
    vsCodeDropdown(),
    vsCodeOption(),
    vsCodeProgressRing(),
    vsCodeTextField(),
  );
  forgetNonce();
}
