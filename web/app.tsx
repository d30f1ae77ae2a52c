import { useEffect, useRef, useState } from 'preact/hooks';
import { Camera } from './camera/camera.js';
import type { Live } from './camera/live.js';
import { Announcer } from './parts/announcer.js';
import { CameraIcon, FaceIcon, PicturesIcon } from './parts/icons.js';
import { ModelCard, ModelChoice, ReadinessLine } from './parts/model-card.js';
import { Notice } from './parts/notice.js';
import { FallbackNotice, PlaceChip } from './parts/place.js';
import { ServerFault } from './parts/server-fault.js';
import type { Gallery } from './pictures/gallery.js';
import { Pictures } from './pictures/pictures.js';
import type { Session } from './session.js';
import { useSelected, useStore } from './store.js';

const TABS = [
  { id: 'pictures', name: 'Pictures', Icon: PicturesIcon },
  { id: 'camera', name: 'Camera', Icon: CameraIcon },
] as const;
type Tab = (typeof TABS)[number]['id'];

export function App({ session, gallery, live }: { session: Session; gallery: Gallery; live: Live }) {
  const { models, chosen, place, readiness, fault } = useStore(session.state);
  const [tab, setTab] = useState<Tab>('pictures');
  const isCameraOn = useSelected(live.state, ({ status }) => status.kind === 'on');
  const isDropping = useGivenFiles(files => {
    setTab('pictures');
    gallery.add(files);
  });
  return (
    <>
      <header class="top">
        <h1>
          <FaceIcon /> facegrad
        </h1>
        {models && chosen && (
          <ModelChoice
            models={models}
            chosen={chosen}
            onChoose={id => {
              void session.choose(id);
            }}
          />
        )}
        <PlaceChip place={place} />
      </header>
      <main class="page">
        <FallbackNotice place={place} session={session} />
        {fault && <ServerFault fault={fault} session={session} />}
        {!fault && readiness.kind !== 'ready' && (
          <div class="readiness">
            <ReadinessLine
              readiness={readiness}
              onRetry={() => {
                void session.retry();
              }}
            />
          </div>
        )}
        <div class="columns">
          <div class="column-main">
            <Tabs tab={tab} onTab={setTab} isCameraOn={isCameraOn} />
            {/* Both stay, so that the camera goes on, and pictures are classified, while the other is looked at. */}
            <div role="tabpanel" id="panel-pictures" aria-labelledby="tab-pictures" hidden={tab !== 'pictures'}>
              <Pictures session={session} gallery={gallery} />
            </div>
            <div role="tabpanel" id="panel-camera" aria-labelledby="tab-camera" hidden={tab !== 'camera'}>
              <Camera session={session} live={live} />
            </div>
          </div>
          <aside class="column-side" aria-label="About the model">
            {chosen && <ModelCard info={chosen} />}
            <Notice model={chosen} />
          </aside>
        </div>
      </main>
      <footer class="foot">
        <a href="/licences.txt">Licences of what is in this page</a>
      </footer>
      {isDropping && <div class="drop-hint">Drop to classify</div>}
      <Announcer />
    </>
  );
}

interface TabsProps {
  readonly tab: Tab;
  readonly onTab: (tab: Tab) => void;
  readonly isCameraOn: boolean;
}

function Tabs({ tab, onTab, isCameraOn }: TabsProps) {
  const list = useRef<HTMLDivElement>(null);
  const move = (by: number) => {
    const next = TABS[(TABS.findIndex(({ id }) => id === tab) + by + TABS.length) % TABS.length]!;
    onTab(next.id);
    list.current?.querySelector<HTMLElement>(`#tab-${next.id}`)?.focus();
  };
  return (
    <div
      class="tabs"
      role="tablist"
      aria-label="What to classify"
      ref={list}
      onKeyDown={event => {
        const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (by === undefined) return;
        event.preventDefault();
        move(by);
      }}
    >
      {TABS.map(({ id, name, Icon }) => (
        <button
          key={id}
          type="button"
          role="tab"
          id={`tab-${id}`}
          aria-controls={`panel-${id}`}
          aria-selected={id === tab}
          tabIndex={id === tab ? 0 : -1}
          onClick={() => {
            onTab(id);
          }}
        >
          <Icon /> {name}
          {id === 'camera' && isCameraOn && (
            <span class="dot">
              <span class="visually-hidden">is on</span>
            </span>
          )}
        </button>
      ))}
    </div>
  );
}

/** Takes files that are dropped anywhere or pasted; gives whether some are being dragged over the page. */
function useGivenFiles(take: (files: File[]) => void): boolean {
  const [isDropping, setDropping] = useState(false);
  const latest = useRef(take);
  latest.current = take;
  useEffect(() => {
    // Entering a part of the page comes before leaving the one around it.
    let depth = 0;
    const dragsFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') === true;
    const count = (change: number) => (event: DragEvent) => {
      if (!dragsFiles(event)) return;
      depth = Math.max(0, depth + change);
      setDropping(depth > 0);
    };
    const [enter, leave] = [count(1), count(-1)];
    const over = (event: DragEvent) => {
      // Else the browser opens what is dropped.
      if (dragsFiles(event)) event.preventDefault();
    };
    const drop = (event: DragEvent) => {
      if (!dragsFiles(event)) return;
      event.preventDefault();
      depth = 0;
      setDropping(false);
      latest.current([...event.dataTransfer!.files]);
    };
    const paste = (event: ClipboardEvent) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length === 0) return;
      event.preventDefault();
      latest.current(files);
    };
    window.addEventListener('dragenter', enter);
    window.addEventListener('dragleave', leave);
    window.addEventListener('dragover', over);
    window.addEventListener('drop', drop);
    window.addEventListener('paste', paste);
    return () => {
      window.removeEventListener('dragenter', enter);
      window.removeEventListener('dragleave', leave);
      window.removeEventListener('dragover', over);
      window.removeEventListener('drop', drop);
      window.removeEventListener('paste', paste);
    };
  }, []);
  return isDropping;
}
