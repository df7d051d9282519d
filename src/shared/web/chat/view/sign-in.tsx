import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { OtpRequested, VerifiedOtp } from "../../../client/rest-types.ts";
import { CodeStep } from "./code-step.tsx";
import { NameStep } from "./name-step.tsx";
import { PhoneStep } from "./phone-step.tsx";
import { ThemeToggle } from "./theme-toggle.tsx";
import { useAppState, useModel } from "./use-store.ts";

type Step =
  | { readonly kind: "phone" }
  | { readonly kind: "code"; readonly requested: OtpRequested }
  | { readonly kind: "name"; readonly user: VerifiedOtp["user"] };

/** Number, code, and a name for those who have none. */
export function SignIn(): JSX.Element {
  const model = useModel();
  const signedOutText = useAppState((state) => state.signedOutText);
  const [step, setStep] = useState<Step>({ kind: "phone" });
  const [phone, setPhone] = useState("");
  return (
    <main class="sign-in">
      <div class="sign-in-card">
        <div class="brand">
          <span class="brand-mark" aria-hidden="true" />
          <h1>Triplane</h1>
        </div>
        {step.kind === "phone" && signedOutText !== undefined && <p class="banner">{signedOutText}</p>}
        {step.kind === "phone" && (
          <PhoneStep
            phone={phone}
            onPhone={setPhone}
            onRequested={(requested) => setStep({ kind: "code", requested })}
          />
        )}
        {step.kind === "code" && (
          <CodeStep
            requested={step.requested}
            onBack={() => setStep({ kind: "phone" })}
            onVerified={({ user }) =>
              user.display_name === null ? setStep({ kind: "name", user }) : model.enterAs(user)
            }
          />
        )}
        {step.kind === "name" && <NameStep user={step.user} />}
      </div>
      <ThemeToggle />
    </main>
  );
}
